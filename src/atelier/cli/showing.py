"""The studio: painting in a browser."""

from __future__ import annotations

from typing import Annotated

import typer

from atelier.cli.base import app


@app.command()
def studio(
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port to serve on")] = 8501,
    address: Annotated[
        str, typer.Option("--address", help="Address to serve on; 0.0.0.0 lets others in the network in", show_default="this machine alone")
    ] = "127.0.0.1",
    headless: Annotated[bool, typer.Option("--headless", help="Open no browser")] = False,
) -> None:
    """Paint in a browser: styles on your own photo, before and after, and what makes the same picture elsewhere."""
    from atelier.studio.server import serve

    serve(port, address, headless=headless)
