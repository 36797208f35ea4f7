"""Training: train style, train network, train compress."""

from __future__ import annotations

import importlib.util
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from atelier.cli.base import Commands, Device, Quiet, app
from atelier.cli.curves import curves, speaks
from atelier.cli.flags import with_settings
from atelier.errors import Cancelled, MissingExtra
from atelier.training.settings import StyleSettings, TrainSettings

train_app = Commands(help="Train a style or a network of your own.")
app.add_typer(train_app, name="train")

Seed = Annotated[int, typer.Option("--seed", help="Same seed, same pictures, same processor: same network")]


@partial(with_settings, kinds=(StyleSettings,))
def style(
    painting: Annotated[str, typer.Argument(help="Painting: path, URL, or - for standard input")],
    name: Annotated[str, typer.Option("--name", help="What to call the style (default: as the file is called)")] = "",
    out: Annotated[
        str | None, typer.Option("--out", "-o", help="File to write, .safetensors (default: among your own styles, for --style NAME)")
    ] = None,
    photos: Annotated[
        Path | None, typer.Option("--photos", help="Folder of photos to learn on (default: free photos and composed pictures)")
    ] = None,
    seed: Seed = 0,
    device: Device = "auto",
    quiet: Quiet = False,
    *,
    settings: dict[str, Any],
) -> None:
    """Learn one painting's style in minutes. The network that ships paints with it then."""
    ready()
    if out is not None:
        writable(out)
    from atelier.training.styles import train_style

    with curves(quiet) as report:
        made = train_style(painting, name, out, photos, StyleSettings(**settings), seed, device, report)
    if not quiet:
        word = "Learned" if made.finished else "Stopped; kept the style as it is by now"
        typer.echo(f"{word}: {made.path}  {made.steps} steps in {made.seconds:.0f} s ({list_losses(made.losses)})", err=True)
        typer.echo(f"Paint with it: --style {made.name if out is None else made.path}", err=True)
    if not made.finished:
        raise typer.Exit(Cancelled.exit_code)


@partial(with_settings, kinds=(TrainSettings,))
def network(
    photos: Annotated[Path, typer.Option("--photos", help="Folder of photos, with the folders in it: COCO's or any")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for network, checkpoint, log and samples; goes on with what is there")],
    styles: Annotated[Path | None, typer.Option("--styles", help="Folder of paintings to learn by name")] = None,
    paintings: Annotated[Path | None, typer.Option("--paintings", help="Folder of many paintings for the reader: WikiArt's or any")] = None,
    seed: Seed = 0,
    device: Device = "auto",
    quiet: Quiet = False,
    *,
    settings: dict[str, Any],
) -> None:
    """Train a network of your own. The same command goes on with one that was stopped."""
    ready()
    from atelier.training.network import train_network

    with curves(quiet) as report:
        made = train_network(photos, out, styles, paintings, TrainSettings(**settings), seed, device, report)
    if not quiet and speaks():
        word = "Trained" if made.finished else "Stopped; the same command goes on"
        left_out = f", {made.left_out} pictures left out" if made.left_out else ""
        typer.echo(f"{word}: {out}  {made.steps} steps in {made.seconds:.0f} s ({list_losses(made.losses)}){left_out}", err=True)
    if not made.finished:
        raise typer.Exit(Cancelled.exit_code)


def compress(
    trained: Annotated[Path, typer.Argument(metavar="NETWORK", help="A network.safetensors, or the folder it is in")],
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write, .safetensors")],
    wide: Annotated[int | None, typer.Option("--wide", help="Channels at 1/8 to keep (default: all)", min=4)] = None,
    deep: Annotated[int | None, typer.Option("--deep", help="Channels at 1/16 to keep (default: all)", min=4)] = None,
    quiet: Quiet = False,
) -> None:
    """Cut a narrower network out of a trained one. It has to be trained on with `train network --start`."""
    ready()
    writable(out)
    from atelier.training.compress import compressed

    before, after = compressed(trained, out, wide or 0, deep or 0)
    if not quiet:
        typer.echo(f"Cut: {out}  {before:,} numbers to {after:,}", err=True)
        shape = "".join(f" --{name} {count}" for name, count in (("wide", wide), ("deep", deep)) if count)
        typer.echo(f"It has to be trained on: atelier train network --start {out}{shape} ...", err=True)


train_app.command("style")(style)
train_app.command("network")(network)
train_app.command("compress")(compress)


def ready() -> None:
    """Raise MissingExtra unless what training needs is installed."""
    if not all(importlib.util.find_spec(name) for name in ("torch", "onnx")):
        raise MissingExtra("training", "train")


def writable(out: str | Path) -> None:
    """Raise TargetError now where a file could not be written later."""
    from atelier.media import check_place
    from atelier.run.targets import beforehand

    with beforehand():
        check_place(out)


def list_losses(losses: dict[str, float]) -> str:
    return ", ".join(f"{name} {losses[name]:.3g}" for name in ("style", "content") if name in losses)
