"""Painting as it happens: live."""

from __future__ import annotations

import contextlib
import webbrowser
from typing import Annotated

import typer

from atelier.cli.base import Device, app


@app.command()
def live(
    source: Annotated[str, typer.Argument(help="A camera by its number, or a film to be shown at its own speed")] = "0",
    style: Annotated[
        list[str] | None, typer.Option("--style", "-s", help="Style by name, or a painting; repeat it to choose among several")
    ] = None,
    size: Annotated[int, typer.Option("--size", min=64, max=4096, help="Long side, px")] = 512,
    strength: Annotated[float, typer.Option("--strength", min=0, max=1, help="From 0, the camera's picture, to 1, the painting")] = 1.0,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port of the page; 0 for a free one")] = 8422,
    device: Device = "auto",
    backend: Annotated[str, typer.Option("--backend", help="auto, onnxruntime, openvino or openvino-bfloat16")] = "auto",
    again: Annotated[bool, typer.Option("--again", help="Begin a film anew when it ends")] = False,
    headless: Annotated[bool, typer.Option("--headless", help="Open no browser")] = False,
) -> None:
    """Paint a camera as it happens, in a page on this machine: the newest frame always."""
    from atelier.engines.network.catalogue import every
    from atelier.live import Show, open_server
    from atelier.media.films.camera import open_camera

    styles = tuple(dict.fromkeys([*(style or ()), *(each.name for each in every())]))
    camera = open_camera(source, size, again=again)
    show = Show.of(camera, styles[0], strength, device, backend)
    with open_server(show, styles, port) as server:
        show.start()
        address = f"http://localhost:{server.server_port}/"
        typer.echo(f"{address}  (Ctrl-C ends it)", err=True)
        if not headless:
            webbrowser.open(address)
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()
        show.close()
