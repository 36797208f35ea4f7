"""The command line: one command a task. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import inspect
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import atelier
from atelier.errors import AtelierError, Cancelled, OutputError, SettingError
from atelier.request import Request, Style, options

if TYPE_CHECKING:
    from atelier.progress import Progress, Report

app = typer.Typer(
    name="atelier", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    help="Paint photos in the manner of paintings.", rich_markup_mode=None, context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip
weights_app = typer.Typer(no_args_is_help=True, help="The perceptual networks' weights: list, pull, verify, path.")
app.add_typer(weights_app, name="weights")

# Options that several commands share ----------------------------------------------------------------------------------

Out = Annotated[
    str, typer.Option("--out", "-o", help="File to write: .png .jpg .webp .tiff .avif .heic, - for standard output, or a folder")
]
StyleOption = Annotated[list[str], typer.Option("--style", "-s", help="Painting: path, URL, -, or PATH=WEIGHT; several blend")]
RecipeOption = Annotated[str, typer.Option("--recipe", "-r", help="Settings by name: see `atelier recipes`")]
Size = Annotated[int | None, typer.Option("--size", help="Long side in px (default: the photo's own, up to 4096)")]
Seed = Annotated[int, typer.Option("--seed", help="Same seed, same device, same picture")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:1, mps")]
Every = Annotated[int, typer.Option("--every", help="Write the picture so far every N iterations, as OUT-00050.png and so on")]
Animation = Annotated[str | None, typer.Option("--animation", help="Also write the way there as .gif, .webp or .png")]
Log = Annotated[str | None, typer.Option("--log", help="Write losses as JSON lines; `atelier plot` draws them")]
CheckpointOption = Annotated[str | None, typer.Option("--checkpoint", help="File to save the state in, and to resume from exactly")]
Quality = Annotated[int, typer.Option("--quality", help="Of JPEG, WebP, AVIF and HEIC, 1 to 100")]
Depth = Annotated[int | None, typer.Option("--depth", help="Bits a channel, 8 or 16 (default: as the photo has)")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors")]
Form = Annotated[str | None, typer.Option("--format", help="Of what goes to standard output (png unless told)")]


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command a flag for every option of `Settings`; those that are used arrive as `settings`, a dict."""
    declared = options()

    def wrapped(**given: Any) -> None:
        settings = {name: given.pop(name) for name in declared}
        command(**given, settings={k: v for k, v in settings.items() if v is not None})

    own = [p for p in inspect.signature(command, eval_str=True).parameters.values() if p.name != "settings"]
    derived = []
    for name, (field, kind) in declared.items():
        bounds = [f"{k} {v:g}" for k, v in (("from", field.metadata["low"]), ("to", field.metadata["high"])) if v is not None]
        choices = "|".join(field.metadata["choices"])
        extra = f" [{choices or ' '.join(bounds)}]" if choices or bounds else ""
        flag = "--" + name.replace("_", "-")
        names = [f"{flag}/--no-{flag[2:]}"] if kind is bool else [flag]
        option = typer.Option(
            *names, help=field.metadata["help"] + extra, rich_help_panel="Settings (default: the recipe's)", show_default=False
        )
        derived.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]))
    parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own] + derived
    wrapped.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    wrapped.__annotations__ = {p.name: p.annotation for p in parameters}
    wrapped.__doc__, wrapped.__name__ = command.__doc__, command.__name__
    return wrapped


# Painting -------------------------------------------------------------------------------------------------------------


@app.command()
@with_settings
def stylize(
    photos: Annotated[list[str], typer.Argument(help="Photos: paths, globs, folders, URLs, or - for standard input")],
    style: StyleOption,
    out: Out,
    recipe: RecipeOption = "default",
    size: Size = None,
    seed: Seed = 0,
    device: Device = "auto",
    every: Every = 0,
    animation: Animation = None,
    log: Log = None,
    checkpoint: CheckpointOption = None,
    quality: Quality = 92,
    depth: Depth = None,
    format: Form = None,
    quiet: Quiet = False,
    *,
    settings: dict[str, Any],
) -> None:
    """Paint photos in the manner of one or more paintings."""
    from atelier.media import expand

    sources = expand(photos)
    styles = tuple(_style(text) for text in style)
    into_folder = Path(out).is_dir() or out.endswith(("/", os.sep))
    if len(sources) > 1 and not into_folder:
        raise OutputError(f"{len(sources)} photos cannot go to one file: give --out a folder that exists")
    if len(sources) > 1 and (log or checkpoint or animation):
        raise SettingError("--log, --checkpoint and --animation are of one photo: paint the photos one by one")
    targets = [str(Path(out) / f"{_stem(source)}.png") if into_folder else out for source in sources]
    if len(set(targets)) < len(targets):
        raise OutputError("two of the photos have the same name: paint them into different folders")
    for source, target in zip(sources, targets, strict=True):
        request = Request("stylize", source, styles, recipe, settings, size, None, seed, device)
        if not _make(request, target, every, animation, log, checkpoint, quality, depth, format, quiet):
            break


@app.command()
@with_settings
def texture(
    painting: Annotated[str, typer.Argument(help="Painting: path, URL, or - for standard input")],
    out: Out,
    size: Annotated[int | None, typer.Option("--size", help="Long side in px (default: the painting's own)")] = None,
    width: Annotated[int | None, typer.Option("--width", help="Width in px, together with --height")] = None,
    height: Annotated[int | None, typer.Option("--height", help="Height in px, together with --width")] = None,
    recipe: RecipeOption = "default",
    seed: Seed = 0,
    device: Device = "auto",
    every: Every = 0,
    animation: Animation = None,
    log: Log = None,
    checkpoint: CheckpointOption = None,
    quality: Quality = 92,
    depth: Depth = None,
    format: Form = None,
    quiet: Quiet = False,
    *,
    settings: dict[str, Any],
) -> None:
    """Synthesise a painting's texture, at any size: the style half of the method, alone."""
    if (width is None) != (height is None) or (width is not None and size is not None):
        raise SettingError("give --width and --height together, or --size")
    canvas = (width, height) if width is not None and height is not None else None
    request = Request("texture", None, (_style(painting),), recipe, settings, size, canvas, seed, device)
    _make(request, out, every, animation, log, checkpoint, quality, depth, format, quiet)


@app.command()
@with_settings
def reconstruct(
    photo: Annotated[str, typer.Argument(help="Photo: path, URL, or - for standard input")],
    out: Out,
    layer: Annotated[str, typer.Option("--layer", help="Layer to invert, or several with weights: conv4_2, block4_conv2")] = "conv4_2",
    size: Size = None,
    seed: Seed = 0,
    device: Device = "auto",
    every: Every = 0,
    animation: Animation = None,
    log: Log = None,
    checkpoint: CheckpointOption = None,
    quality: Quality = 92,
    depth: Depth = None,
    format: Form = None,
    quiet: Quiet = False,
    *,
    settings: dict[str, Any],
) -> None:
    """Invert a layer from noise: what the network still knows of a photo there, the content half of the method, alone."""
    if "content_layers" in settings:
        raise SettingError("--layer says which layers are inverted; --content-layers does not go with it")
    request = Request("reconstruct", photo, (), "default", {**settings, "content_layers": layer}, size, None, seed, device)
    _make(request, out, every, animation, log, checkpoint, quality, depth, format, quiet)


@app.command()
def redo(
    picture: Annotated[str, typer.Argument(help="A picture that atelier made")],
    out: Annotated[str | None, typer.Option("--out", "-o", help="File to write; its suffix says the format")] = None,
    show: Annotated[bool, typer.Option("--show", help="Print the request that is embedded in the picture, and do nothing")] = False,
    quality: Quality = 92,
    depth: Depth = None,
    quiet: Quiet = False,
) -> None:
    """Repeat the run that made a picture: same pictures, recipe, settings and seed."""
    from atelier.run import embedded

    request = embedded(picture)
    if show:
        typer.echo(request.to_json())
        return
    if out is None:
        raise OutputError("say where to with --out, or look at the request with --show")
    _make(request, out, 0, None, None, None, quality, depth, None, quiet)


def _make(
    request: Request, out: str, every: int, animation: str | None, log: str | None, checkpoint: str | None, quality: int,
    depth: int | None, form: str | None, quiet: bool,
) -> bool:  # fmt: skip
    """Make one picture and say so. False where it was stopped."""
    from atelier.run import Outputs, make

    outputs = Outputs(out, every, animation, log, checkpoint, quality, depth, form)
    with watching(quiet) as report:
        made = make(request, outputs, report=report)
    width, height = made.image.size
    if not quiet:
        losses = ", ".join(f"{k} {v:.4g}" for k, v in made.losses.items() if k != "total")
        word = "Painted" if made.finished else "Stopped; kept the picture so far"
        shown = "standard output" if out == "-" else out
        typer.echo(f"{word}: {shown}  {width}x{height}, {made.iterations} iterations in {made.seconds:.1f} s ({losses})", err=True)
        if not made.finished and checkpoint:
            typer.echo(f"The same command goes on from {checkpoint}.", err=True)
    if not made.finished:
        raise typer.Exit(Cancelled.exit_code)
    return made.finished


def _style(text: str) -> Style:
    """`painting.jpg` or `painting.jpg=0.3`; a path that exists is a path, whatever is in its name."""
    source, equals, weight = text.rpartition("=")
    if not equals or Path(text).exists() or "://" in weight:
        return Style(text)
    try:
        return Style(source, float(weight))
    except ValueError:
        return Style(text)


def _stem(source: str) -> str:
    from urllib.parse import urlsplit

    return Path(urlsplit(source).path if "://" in source else source).stem.strip("-") or "picture"


# What there is --------------------------------------------------------------------------------------------------------


@app.command()
def recipes(as_json: Annotated[bool, typer.Option("--json", help="With all settings, as JSON")] = False) -> None:
    """List the recipes and what each is for."""
    import dataclasses

    from atelier.engines.optimize.recipes import RECIPES

    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(r) for r in RECIPES.values()], indent=2))
        return
    for recipe in RECIPES.values():
        typer.echo(f"{recipe.name:9} {recipe.summary}\n{'':9} {recipe.source}")


@app.command()
def plot(
    logs: Annotated[list[Path], typer.Argument(help="Logs written by --log")],
    out: Annotated[Path, typer.Option("--out", "-o", help=".png, .svg or .pdf")],
) -> None:
    """Draw the loss curves of one or more runs."""
    from atelier.plot import draw

    draw(logs, out)
    typer.echo(f"Drawn: {out}", err=True)


@weights_app.command("list")
def weights_list(as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """The networks atelier knows, and where their weights are."""
    import dataclasses

    from atelier.perception.weights import known

    statuses = known()
    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(s) for s in statuses], default=str, indent=2))
        return
    for status in statuses:
        place = f"{status.path} ({status.size / 1e6:.1f} MB)" if status.path else f"not here: atelier weights pull {status.name}"
        typer.echo(f"{status.name:8} {status.description}\n{'':8} {status.licence}\n{'':8} {place}")


@weights_app.command("pull")
def weights_pull(
    name: Annotated[str, typer.Argument(help="vgg19")],
    url: Annotated[str | None, typer.Option("--url", help="Another safetensors file of the network")] = None,
    sha256: Annotated[
        str | None, typer.Option("--sha256", help="Digest the tensors must have, as `atelier weights verify` prints it")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Fetch a network: only the tensors that are used, resumable, checked."""
    from atelier.perception.weights import pull

    with watching(quiet) as report:
        path = pull(name, url=url, sha256=sha256, report=report)
    typer.echo(str(path))


@weights_app.command("verify")
def weights_verify(
    names: Annotated[list[str] | None, typer.Argument(help="Networks or files (default: all that are here)")] = None,
) -> None:
    """Check that weights are whole and what they were."""
    from atelier.perception.weights import known, verify

    failed = False
    for name in names or [s.name for s in known() if s.path]:
        result = verify(name)
        failed |= not result.ok
        typer.echo(f"{name}: {'ok' if result.ok else 'DAMAGED'}  {result.digest}  {result.detail}")
    if failed:
        raise typer.Exit(1)


@weights_app.command("path")
def weights_path(name: str) -> None:
    """Print where a network's weights are."""
    from atelier.perception.weights import find

    typer.echo(str(find(name)))


# Saying how it goes, and stopping -------------------------------------------------------------------------------------


@contextmanager
def watching(quiet: bool) -> Iterator[Report]:
    """A report that shows progress on standard error, and that Ctrl-C (or SIGTERM) makes raise Cancelled, once."""
    stopped: list[int] = []

    def stop(number: int, _: object) -> None:
        if stopped:  # the second time is meant
            signal.signal(signal.SIGINT, signal.default_int_handler)
            raise KeyboardInterrupt
        stopped.append(number)

    before = {s: signal.signal(s, stop) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        with _display(quiet) as show:

            def report(progress: Progress) -> None:
                show(progress)
                if stopped:
                    raise Cancelled("stopped")

            yield report
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _display(quiet: bool) -> Iterator[Callable[[Progress], None]]:
    if quiet:
        yield lambda progress: None
        return
    if not sys.stderr.isatty():
        yield _lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[losses]}"),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None, rate="", losses="")
        began = time.monotonic()

        def show(progress: Progress) -> None:
            if progress.note:
                bar.console.print(progress.note, style="dim", markup=False, highlight=False)
            if progress.total:
                seconds = max(time.monotonic() - began, 1e-9)
                losses = "  ".join(f"{k} {v:.4g}" for k, v in progress.losses.items() if k != "total")
                unit = f"{progress.step / seconds:.1f}/s"
                bar.update(task, description=progress.stage, completed=progress.step, total=progress.total, rate=unit, losses=losses)

        yield show


def _lines() -> Callable[[Progress], None]:
    """For logs and pipes: a line at each tenth of the way."""
    tenth = [-1]

    def show(progress: Progress) -> None:
        if progress.note:
            typer.echo(progress.note, err=True)
        if progress.total and (now := progress.step * 10 // progress.total) != tenth[0]:
            tenth[0] = now
            losses = "  ".join(f"{k} {v:.4g}" for k, v in progress.losses.items() if k != "total")
            typer.echo(f"{progress.stage}: {progress.step}/{progress.total}  {losses}", err=True)

    return show


def _version(value: bool) -> None:
    if value:
        typer.echo(f"atelier {atelier.__version__}")
        raise typer.Exit


@app.callback()
def _root(version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version")] = False) -> None:
    pass


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command. Errors are one line on standard error; exit code 2 for bad input, 130 for stopped, 1 for the rest."""
    try:
        app(args=list(arguments) if arguments is not None else None)
    except AtelierError as error:
        _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        _fail("stopped", Cancelled.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(1) from None
    except MemoryError:
        _fail("not enough memory: try a smaller --size or --tile", 1)
    except RuntimeError as error:
        if "memory" not in str(error).lower():
            raise
        _fail(f"not enough memory: try a smaller --size or --tile ({str(error).splitlines()[0][:120]})", 1)


def _fail(message: str, code: int) -> None:
    typer.echo(f"atelier: {' '.join(message.split())}", err=True)
    raise SystemExit(code)


if __name__ == "__main__":
    main()
