"""The command line's app, the options that several commands share, and flags out of settings."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.models import CommandFunctionType

from atelier.cli.helping import COMMANDS as GROUPS_OF_COMMANDS
from atelier.cli.helping import EXAMPLES, heading, in_order
from atelier.errors import AtelierError, Cancelled, SettingError
from atelier.request.request import EFFORT, EFFORTS

if TYPE_CHECKING:
    from atelier.image import Limits

UsageError: Any = typer.BadParameter.__bases__[0]
"""What typer raises for options and arguments that cannot be understood."""


class Command(TyperCommand):
    """A command whose help shows its options under the headings they are declared with, as `rich_help_panel`, and that says in a line
    what is wrong with those given, or that Ctrl-C ended it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except UsageError as error:
            raise misunderstood(ctx, error) from None

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except SettingError as error:
            flags = {each for parameter in self.get_params(ctx) for each in parameter.opts}
            if error.option and flag(error.option) not in flags:  # an argument, or what only Python has a name for
                raise SettingError("", error.reason, error.value) from error
            raise
        except KeyboardInterrupt:
            say("stopped")
            raise typer.Exit(Cancelled.exit_code) from None

    def format_options(self, ctx: Any, formatter: Any) -> None:
        sections: dict[str, list[Any]] = {}
        for parameter in self.get_params(ctx):
            if told := parameter.get_help_record(ctx):
                sections.setdefault(heading(parameter), []).append(told)
        for each in in_order(list(sections)):
            with formatter.section(each):
                formatter.write_dl(sections[each])

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        if example := EXAMPLES.get(ctx.command.name):
            with formatter.section("Example"):
                formatter.write_text(example)


class Group(TyperGroup):
    """Commands under the headings a person looks for; a word that is none of them is answered in a line."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args:
            return super().parse_args(ctx, args)  # which shows the help, by an error
        try:
            return super().parse_args(ctx, args)
        except UsageError as error:
            raise misunderstood(ctx, error) from None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        try:
            return super().resolve_command(ctx, args)
        except UsageError as error:
            raise misunderstood(ctx, error) from None

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        told = {name: command.get_short_help_str(70) for name in self.list_commands(ctx) if (command := self.get_command(ctx, name))}
        sections = {each: [name for name in names if name in told] for each, names in GROUPS_OF_COMMANDS.items()}
        sections["Commands"] = [name for name in told if not any(name in names for names in sections.values())]
        for each, names in sections.items():
            if names:
                with formatter.section(each):
                    formatter.write_dl([(f"{name:11}", told[name]) for name in names])


class Commands(typer.Typer):
    """Such commands."""

    def command(self, *names: Any, **how: Any) -> Callable[[CommandFunctionType], CommandFunctionType]:
        return super().command(*names, **{"cls": Command, **how})


app = Commands(
    name="atelier", cls=Group, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
    help="Turn photos into paintings and drawings: atelier stylize photo.jpg --style starry-night --out painted.png\n\n"
    "`atelier COMMAND --help` shows the options of a command.",
    context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip

# Options that several commands share ----------------------------------------------------------------------------------

Out = Annotated[str, typer.Option("--out", "-o", help="File to write: .png .jpg .webp .tiff .avif .heic, or - for standard output")]
OutOrFolder = Annotated[
    str, typer.Option("--out", "-o", help="File to write: .png .jpg .webp .tiff .avif .heic, - for standard output, or a folder")
]
StyleOption = Annotated[
    list[str] | None,
    typer.Option(
        "--style", "-s",
        help="Painting: path, URL, -, or a name from `atelier styles`. Several, each with its --style, blend, as STYLE=0.3 or STYLE=30% "
        "says; STYLE@REGION paints one of the --regions; STYLE,size=2,rotate=90,strokes=coarse (or fine) says how",
    ),
]  # fmt: skip
EngineOption = Annotated[
    str,
    typer.Option(
        "--engine",
        "-e",
        help="instant (trained networks, seconds) or optimize (slower, better); auto is instant, unless an option asks for the other",
    ),
]
Effort = Annotated[str, typer.Option("--effort", metavar="|".join(EFFORTS), help=EFFORT)]
RecipeOption = Annotated[
    str, typer.Option("--recipe", "-r", help="Settings of the optimiser by name: see `atelier recipes`", show_default="default")
]
Size = Annotated[int | None, typer.Option("--size", help="Long side in px (default: the photo's own; of the optimiser up to 4096)")]
Seed = Annotated[int, typer.Option("--seed", help="Seed of all that is random: same seed, same device, same picture")]
Device = Annotated[
    str, typer.Option("--device", help="Hardware: auto, cpu, cuda, cuda:1, mps; for the instant engine also coreml, directml")
]
RegionsOption = Annotated[
    str,
    typer.Option(
        "--regions", show_default=False,
        help="Colour-coded map of the photo, whose parts STYLE@REGION names; or auto (@object, @background), or auto:5. "
        "What no style names stays the photo; `atelier regions` shows them",
    ),
]  # fmt: skip
MaskOption = Annotated[
    list[str] | None,
    typer.Option("--mask", help="Picture, white where a style goes: one for each --style, in their order"),
]
StyleRegions = Annotated[
    list[str] | None,
    typer.Option(
        "--style-regions",
        help="Map of a painting, one for each --style: a region of it goes to that of the photo with the same name or colour",
    ),
]  # fmt: skip
Feather = Annotated[
    float | None,
    typer.Option("--feather", help="Width of the borders between regions, px (default: by the picture's size)"),
]
KeepFlat = Annotated[bool, typer.Option("--keep-flat", help="Leave a flat background, as behind products and logos, as it is")]
Blend = Annotated[
    str,
    typer.Option(
        "--blend", show_default=False,
        help="From the first style to the second: a grey picture, black to white, or horizontal, vertical, diagonal, radial",
    ),
]  # fmt: skip
Every = Annotated[
    int,
    typer.Option(
        "--every", help="Write the picture so far every N iterations, as OUT-00050.png and so on (0: never)"
    ),
]  # fmt: skip
Animation = Annotated[str | None, typer.Option("--animation", help="Also write the way there as .gif, .webp or .png")]
Log = Annotated[str | None, typer.Option("--log", help="Write losses to this file as JSON lines; `atelier plot` draws them")]
CheckpointOption = Annotated[str | None, typer.Option("--checkpoint", help="File to save the state in, and to resume from exactly")]
Quality = Annotated[int, typer.Option("--quality", help="Quality of JPEG, WebP, AVIF, HEIC and JPEG XL, 1 to 100")]
Depth = Annotated[int | None, typer.Option("--depth", help="Bits a channel, 8 or 16 (default: as the photo has)")]
Profile = Annotated[
    str,
    typer.Option("--profile", metavar="srgb|keep", help="Colour profile of the result: srgb, or keep the photo's own where it has one"),
]  # fmt: skip
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors")]
Form = Annotated[str | None, typer.Option("--format", help="Format of what goes to standard output, as jpeg (default: png)")]
Overwrite = Annotated[
    bool | None,
    typer.Option(
        "--overwrite/--no-overwrite", show_default=False,
        help="Replace files that exist (default: files that you name are replaced; where atelier makes up the name, only its own are)",
    ),
]  # fmt: skip
MaxPixels = Annotated[
    int | None, typer.Option("--max-pixels", min=1, help="Largest picture to open or to paint, width times height (default: 200 million)")
]
MaxBytes = Annotated[
    int | None, typer.Option("--max-bytes", min=1, help="Largest file to open or download (default: 512 MiB, of URLs 64 MiB)")
]
AllowPrivate = Annotated[bool, typer.Option("--allow-private", help="Let URLs redirect to addresses of the local network")]


_FILM = "More for films"
PanoramaOption = Annotated[
    bool, typer.Option("--panorama", rich_help_panel=_FILM, help="The photo or film is equirectangular: no seam, no pinch at the poles")
]
Begin = Annotated[str | None, typer.Option("--from", rich_help_panel=_FILM, help="Where to begin: seconds, or 1:23.5")]
End = Annotated[str | None, typer.Option("--to", rich_help_panel=_FILM, help="Where to end: seconds, or 1:23.5")]
Fps = Annotated[
    float | None,
    typer.Option("--fps", rich_help_panel=_FILM, help="Frames a second (default: the film's own times; of numbered frames 25)"),
]
Temporal = Annotated[
    str, typer.Option("--temporal", rich_help_panel=_FILM, help="How frames are kept alike: off, fast, or best, by more careful flow")
]
CodecOption = Annotated[
    str | None,
    typer.Option("--codec", rich_help_panel=_FILM, help="h264, hevc, vp9, av1 or prores (default: the usual one of the suffix)"),
]
Sound = Annotated[bool, typer.Option("--sound/--no-sound", rich_help_panel=_FILM, help="Copy sound and subtitles")]


def limits(max_pixels: int | None, max_bytes: int | None, allow_private: bool) -> Limits:
    """What these options say of what may be opened."""
    from atelier.image import Limits

    given: dict[str, Any] = {"pixels": max_pixels, "bytes": max_bytes, "url_bytes": max_bytes}
    return Limits(private_addresses=allow_private, **{name: value for name, value in given.items() if value is not None})


def explained(error: Exception) -> tuple[str, int] | None:
    """What to say of an error, and the exit code; None of one that is a fault of the program."""
    if isinstance(error, SettingError):
        return spell(error.told(f"`{error.option}`" if error.option else "")), error.exit_code
    if isinstance(error, AtelierError):
        return spell(str(error)), error.exit_code
    if isinstance(error, MemoryError):
        return "not enough memory: try a smaller --size or --tile", 1
    if isinstance(error, RuntimeError) and "memory" in str(error).lower():
        return f"not enough memory: try a smaller --size or --tile ({str(error).splitlines()[0][:120]})", 1
    return None


SPELLED = {"picture": "out", "as_json": "json", "masks": "mask", "styles": "style", "target": "out", "begin": "from", "end": "to"}
"""Options that the command line has under other names."""


def flag(name: str) -> str:
    """An option as it is typed."""
    return f"--{SPELLED.get(name, name).replace('_', '-')}"


def spell(message: str) -> str:
    """A message of the library, in which options stand in backticks, as the command line has them: `style_weight`, `engine=optimize`."""
    return re.sub(r"`([a-z_]+)(?:=([^`]*))?`", lambda found: " ".join(filter(None, (flag(found[1]), found[2]))), message)


def misunderstood(ctx: Any, error: Any) -> typer.Exit:
    """Say in a line what is wrong with a usage; the exit to raise."""
    told = error.format_message().rstrip(".")
    more = "" if told.endswith("?") else f"; {ctx.command_path} --help shows what there is"
    say(f"{told[:1].lower()}{told[1:]}{more}")
    return typer.Exit(SettingError.exit_code)


def say(message: str) -> None:
    """A line about something that went wrong, on standard error."""
    typer.echo(f"atelier: {' '.join(message.split())}", err=True)
