"""Ways to hold a shape: representations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from atelier.cli.base import Quiet, app
from atelier.cli.telling import write_json
from atelier.cli.watching import watching
from atelier.errors import SettingError

if TYPE_CHECKING:
    from atelier.representations.measuring import Comparison


@app.command()
def representations(
    mesh: Annotated[str, typer.Argument(help="The shape that is held: OBJ, PLY, STL, GLB")],
    learn: Annotated[
        list[str] | None, typer.Option("--learn", help="Other meshes that the autoencoders are trained on; again for more")
    ] = None,
    budgets: Annotated[str, typer.Option("--bytes", help="How many bytes each may take: numbers with commas between")] = "1024,4096,16384",
    steps: Annotated[int, typer.Option("--steps", min=1, max=100_000, help="Steps that each network is trained for")] = 1200,
    out: Annotated[str | None, typer.Option("--out", "-o", help="Write pictures of what is left, a row for each number of bytes")] = None,
    as_json: Annotated[str | None, typer.Option("--json", help="Write all numbers to this file, or - for standard output, as JSON")] = None,
    quiet: Quiet = False,
) -> None:
    """Compare ways to hold a shape at equal bytes: mesh, points, voxels, depths, networks."""
    from atelier.media import check_target, write_still
    from atelier.media.meshes import read_mesh
    from atelier.representations.cloud import triangles_of
    from atelier.representations.measuring import compare, sheet, turned_shapes
    from atelier.representations.shapes import simple_shapes

    sizes = parse_sizes(budgets)
    if out is not None:
        check_target(out)
    with watching(quiet) as report:
        shape = triangles_of(read_mesh(mesh))
        others = [triangles_of(read_mesh(each)) for each in learn or ()] or simple_shapes()
        found = compare(shape, sizes, turned_shapes(others), steps, report)
    if as_json is not None:
        training = {name: round(seconds, 1) for name, seconds in found.training.items()}
        write_json({"mesh": mesh, "learn": learn or [], "training": training, "losses": [each.numbers() for each in found.losses]}, as_json)
    if out is not None:
        write_still(sheet(found), out)
    if not quiet and as_json != "-":
        _show(found)


def parse_sizes(text: str) -> list[int]:
    """Numbers of bytes out of `4096,16384`, ascending. Raises SettingError."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words or any(not word.isdecimal() or not 128 <= int(word) <= 1 << 24 for word in words):
        raise SettingError("bytes", "`bytes` are numbers from 128 to 16777216 with commas between", text)
    return sorted({int(word) for word in words})


def _show(found: Comparison) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("", "bytes", "Chamfer, ‰", "normals, °", "style", "content", "encode, s", "decode, s")
    for each in found.losses:
        table.add_row(
            each.name, f"{each.bytes:,}", f"{each.chamfer:.2f}", f"{each.normals:.1f}", f"{each.style:.4f}", f"{each.content:.3f}",
            f"{each.encoding:.1f}", f"{each.decoding:.1f}",
        )  # fmt: skip
    Console().print(table)
    if found.training:
        typer.echo("Trained in " + ", ".join(f"{seconds:.0f} s ({name})" for name, seconds in found.training.items()))
