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
from atelier.request import Outputs, Request, Style, options
from atelier.request.near import did_you_mean
from atelier.request.request import EFFORTS

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
            if record := parameter.get_help_record(ctx):
                sections.setdefault(heading(parameter), []).append(record)
        for each in in_order(list(sections)):
            with formatter.section(each):
                formatter.write_dl(sections[each])

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        write_example(ctx, formatter)


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
            hint = did_you_mean(args[0], self.list_commands(ctx)) if args else ""
            raise misunderstood(ctx, error, hint) from None

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        write_example(ctx, formatter)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        record = {name: command.get_short_help_str(70) for name in self.list_commands(ctx) if (command := self.get_command(ctx, name))}
        sections = {each: [name for name in names if name in record] for each, names in GROUPS_OF_COMMANDS.items()}
        sections["Commands"] = [name for name in record if not any(name in names for names in sections.values())]
        for each, names in sections.items():
            if names:
                with formatter.section(each):
                    formatter.write_dl([(f"{name:11}", record[name]) for name in names])


def write_example(ctx: Any, formatter: Any) -> None:
    """What a command's help ends with, where there is an example of it."""
    words: list[str] = []
    at = ctx
    while at.parent is not None:  # the program itself has none
        words, at = [at.info_name, *words], at.parent
    if example := EXAMPLES.get(" ".join(words)):
        with formatter.section("Example"):
            formatter.write_text(example)


class Commands(typer.Typer):
    """A group of such commands. how: as typer has it."""

    def __init__(self, **how: Any) -> None:
        super().__init__(cls=Group, no_args_is_help=True, suggest_commands=False, **how)

    def command(self, *names: Any, **how: Any) -> Callable[[CommandFunctionType], CommandFunctionType]:
        return super().command(*names, **{"cls": Command, **how})


app = Commands(
    name="atelier", add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
    help="Turn photos into paintings and drawings: atelier stylize photo.jpg --style starry-night --out painted.png\n\n"
    "`atelier COMMAND --help` shows the options of a command.",
    context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip

SPELLED = {"picture": "out", "as_json": "json", "masks": "mask", "styles": "style", "target": "out", "begin": "from", "end": "to"}
"""Options that the command line has under other names."""


def flag(name: str) -> str:
    """An option as it is typed."""
    return f"--{SPELLED.get(name, name).replace('_', '-')}"


def spell(message: str) -> str:
    """A message of the library, in which options stand in backticks, as the command line has them: `style_weight`, `engine=optimize`."""
    return re.sub(r"`([a-z_]+)(?:=([^`]*))?`", lambda found: " ".join(filter(None, (flag(found[1]), found[2]))), message)


# Options that several commands share ----------------------------------------------------------------------------------


def declared(kind: type[Any], name: str, *short: str, more: str = "", flags: str = "", **how: Any) -> Any:
    """The flag of an option of Request or Outputs, with the help that it is declared with. short: other ways to write it. more: what
    the command line alone has to say. flags: how it is written where that is not its name. how: as typer has it."""
    return typer.Option(flags or flag(name), *short, help=spell(options(kind)[name].help) + more, **how)


SEVERAL_STYLES = (
    " (see `atelier styles`), or -. Several, each with its --style, blend, as STYLE=0.3 or STYLE=30% says; STYLE@REGION paints one of the "
    "--regions; STYLE,size=2,rotate=90,strokes=coarse (or fine) says how"
)
NAMED = "; STYLE@REGION names one, `atelier regions` shows them"
MADE_UP = " (default: files that you name are replaced; where atelier makes up the name, only its own are)"

Out = Annotated[str, declared(Outputs, "picture", "-o")]
OutOrFolder = Annotated[str, declared(Outputs, "picture", "-o", more=", or a folder")]
StyleOption = Annotated[list[str] | None, declared(Style, "source", "-s", more=SEVERAL_STYLES, flags="--style")]
EngineOption = Annotated[str, declared(Request, "engine", "-e")]
Effort = Annotated[str, declared(Request, "effort", metavar="|".join(EFFORTS))]
RecipeOption = Annotated[str, declared(Request, "recipe", "-r", show_default="default")]
Size = Annotated[int | None, declared(Request, "size")]
AtMost = Annotated[int | None, declared(Request, "at_most")]
Seed = Annotated[int, declared(Request, "seed")]
Device = Annotated[str, declared(Request, "device")]
RegionsOption = Annotated[str, declared(Request, "regions", more=NAMED, show_default=False)]
MaskOption = Annotated[list[str] | None, declared(Request, "masks")]
StyleRegions = Annotated[list[str] | None, declared(Request, "style_regions")]
Feather = Annotated[float | None, declared(Request, "feather")]
KeepFlat = Annotated[bool, declared(Request, "keep_flat", flags="--keep-flat")]
Blend = Annotated[str, declared(Request, "blend", show_default=False)]
Every = Annotated[int, declared(Outputs, "every")]
Animation = Annotated[str | None, declared(Outputs, "animation")]
Log = Annotated[str | None, declared(Outputs, "log")]
CheckpointOption = Annotated[str | None, declared(Outputs, "checkpoint")]
Quality = Annotated[int, declared(Outputs, "quality", more=", 1 to 100")]
Depth = Annotated[int | None, declared(Outputs, "depth")]
Profile = Annotated[str | None, declared(Outputs, "profile", more=" (default: srgb; of redo, as it was)", metavar="srgb|keep")]
Form = Annotated[str | None, declared(Outputs, "format")]
Overwrite = Annotated[bool | None, declared(Outputs, "overwrite", more=MADE_UP, flags="--overwrite/--no-overwrite", show_default=False)]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors")]
MaxPixels = Annotated[
    int | None, typer.Option("--max-pixels", min=1, help="Largest picture to open or to paint, width times height (default: 200 million)")
]
MaxBytes = Annotated[
    int | None, typer.Option("--max-bytes", min=1, help="Largest file to open or download (default: 512 MiB, of URLs 64 MiB)")
]
AllowPrivate = Annotated[bool, typer.Option("--allow-private", help="Let URLs redirect to addresses of the local network")]

FILM: dict[str, Any] = {"rich_help_panel": "More for films"}
WRITTEN = ", or 1:23.5"
PanoramaOption = Annotated[bool, declared(Request, "panorama", flags="--panorama", **FILM)]
Begin = Annotated[str | None, declared(Request, "begin", more=WRITTEN, **FILM)]
End = Annotated[str | None, declared(Request, "end", more=WRITTEN, **FILM)]
Fps = Annotated[float | None, declared(Request, "fps", **FILM)]
Temporal = Annotated[str, declared(Request, "temporal", **FILM)]
CodecOption = Annotated[str | None, declared(Outputs, "codec", **FILM)]
Sound = Annotated[bool, declared(Outputs, "sound", flags="--sound/--no-sound", **FILM)]

MESH: dict[str, Any] = {"rich_help_panel": "More for meshes"}
What = Annotated[str, declared(Request, "what", **MESH)]
TextureSize = Annotated[int, declared(Request, "texture_size", **MESH)]
Views = Annotated[int, declared(Request, "views", **MESH)]
Light = Annotated[float, declared(Request, "light", **MESH)]
Relief = Annotated[float, declared(Request, "relief", **MESH)]
Turntable = Annotated[str | None, declared(Outputs, "turntable", **MESH)]
Html = Annotated[str | None, declared(Outputs, "html", **MESH)]


def limits(max_pixels: int | None, max_bytes: int | None, allow_private: bool) -> Limits:
    """What these options say of what may be opened."""
    from atelier.image import Limits

    given: dict[str, Any] = {"pixels": max_pixels, "bytes": max_bytes, "url_bytes": max_bytes}
    return Limits(private_addresses=allow_private, **{name: value for name, value in given.items() if value is not None})


def explained(error: Exception) -> tuple[str, int] | None:
    """What to say of an error, and the exit code; None of one that is a fault of the program."""
    if isinstance(error, SettingError):
        return spell(error.message(f"`{error.option}`" if error.option else "")), error.exit_code
    if isinstance(error, AtelierError):
        return spell(str(error)), error.exit_code
    if isinstance(error, MemoryError):
        return "not enough memory: try a smaller --size or --tile", 1
    if isinstance(error, RuntimeError) and "memory" in str(error).lower():
        return f"not enough memory: try a smaller --size or --tile ({str(error).splitlines()[0][:120]})", 1
    return None


def misunderstood(ctx: Any, error: Any, hint: str = "") -> typer.Exit:
    """Say in a line what is wrong with a usage; the exit to raise. hint: a question of what was meant."""
    if typed := getattr(error, "option_name", ""):
        error.possibilities = None  # which are anything at all
        shown = [each for parameter in ctx.command.get_params(ctx) if not getattr(parameter, "hidden", False) for each in parameter.opts]
        hint = did_you_mean(typed, [each for each in shown if each.startswith("--")], 2)
    message = error.format_message().rstrip(".")
    say(f"{message[:1].lower()}{message[1:]}; {hint or f'{ctx.command_path} --help shows what there is'}")
    return typer.Exit(SettingError.exit_code)


def say(message: str) -> None:
    """A line about something that went wrong, on standard error."""
    typer.echo(f"atelier: {' '.join(message.split())}", err=True)
