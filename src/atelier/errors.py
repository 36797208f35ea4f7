"""What can go wrong, as one small tree. Every message is one line that says what to do next.

Messages name options as Python does, in backticks: `style_weight`, `engine=optimize`. A face that spells them otherwise rewrites
these: the command line says --style-weight. Every error survives pickling, so that workers and clusters can carry it.

AtelierError
├── InputError            what was given cannot be used
│   ├── SettingError      an option's value
│   ├── SourceError       a path or URL that cannot be read
│   ├── ImageError        a file that is no picture, is damaged, or is over the limits
│   │   └── Unstreamable  one that has to be decoded whole (media/levels.py)
│   └── MeshError         a file that is no mesh, is damaged, has no surface, or is over the limits
├── OutputError           the result cannot be written
│   └── TargetError       nor could it ever be where it was asked for: known, and said, before the work
├── WeightsError          a network's weights: absent, damaged, or not to be had
├── MissingExtra          an optional part of the package is not installed
├── Diverged              the numbers went wrong before there was a picture worth keeping
└── Cancelled             somebody asked to stop
"""

from __future__ import annotations


class AtelierError(Exception):
    """Base of everything atelier raises on purpose. Faces print it as one line and exit with `exit_code`."""

    exit_code = 1


class InputError(AtelierError, ValueError):
    """What was given cannot be used."""

    exit_code = 2


class SettingError(InputError):
    """An option has a value that makes no sense.

    option: its name, as `schema` has it or as the function's argument is called; "" where it is the request as a whole. reason: what is
    wrong, and what would do. value: what was given, where that helps.
    """

    def __init__(self, option: str, reason: str, value: object = None) -> None:
        shown = value if value is None or isinstance(value, str) else f"{value:g}" if isinstance(value, float) else repr(value)
        self.option, self.reason = option, reason
        self.value: str | None = shown
        super().__init__(self.option, self.reason, self.value)

    def __str__(self) -> str:
        return self.message(self.option)

    def message(self, name: str) -> str:
        """The message, with the option under a face's own name for it, unless the reason names it itself."""
        if self.option and (f"`{self.option}`" in self.reason or f"`{self.option.removesuffix('s')}`" in self.reason):
            return self.reason
        head = " ".join(filter(None, (name, self.value)))
        return f"{head}: {self.reason}" if head else self.reason


class SourceError(InputError):
    """A path or URL that does not exist, may not be read, or is over the limits for downloads."""


class ImageError(InputError):
    """A file that is not a picture, is damaged, or is larger than the limits allow."""


class MeshError(InputError):
    """A file that is not a mesh, is damaged, has no surface to paint, or is larger than the limits allow."""


class OutputError(AtelierError, OSError):
    """The result cannot be written: no such folder, no space, an unknown format."""


class TargetError(OutputError):
    """A file that was named to write to cannot be, or must not be: no such folder, an unknown suffix, needed for something else.
    Raised before the work begins."""

    exit_code = 2


class WeightsError(AtelierError):
    """A network's weights are absent, damaged or could not be fetched."""


class MissingExtra(AtelierError, ImportError):
    """An optional part is not installed; the message names the command that installs it."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(what, extra)
        self.what, self.extra = what, extra

    def __str__(self) -> str:
        return f"{self.what} needs an optional part: pip install 'atelier[{self.extra}]'"


class Diverged(AtelierError, ArithmeticError):
    """The optimisation produced NaN or infinity before any usable picture existed."""


class Cancelled(AtelierError):
    """Raised by a report to stop a run; engines answer it with the best picture so far where they have one."""

    exit_code = 130
