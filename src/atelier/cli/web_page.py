"""The page that paints in the browser: web."""

from __future__ import annotations

from typing import Annotated

import typer

from atelier.cli.base import Quiet, app


@app.command()
def web(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="Folder to write", show_default=False)],
    serve: Annotated[bool, typer.Option("--serve", help="Show it to this machine alone, until Ctrl-C")] = False,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="With --serve: where; 0 for a free one")] = 8421,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Write a page that is there already anew")] = False,
    quiet: Quiet = False,
) -> None:
    """Write a page that paints in the browser: photos, films and the camera, offline. Any static host will do."""
    from atelier.web import open_preview, write_page

    written = write_page(folder, overwrite=overwrite or serve)
    if not quiet:
        size = sum(path.stat().st_size for path in written.rglob("*") if path.is_file())
        typer.echo(f"Page: {written}  {size / 1e6:.0f} MB", err=True)
    if serve:
        with open_preview(written, port) as server:
            typer.echo(f"http://localhost:{server.server_port}/", err=True)
            server.serve_forever()
