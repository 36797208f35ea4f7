"""A drawing as a file of shapes: SVG and PDF."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import groupby

import numpy as np

from atelier.engines.primitives.drawing import Drawing
from atelier.engines.primitives.shapes import SHAPES
from atelier.errors import MissingExtra

_WORTH_GROUPING = 3  # shapes; with fewer, saying their opacity once takes more bytes than it saves
_LARGEST_PAGE = 14_400  # points, 200 inches: what Acrobat can show
_NO_DATE = datetime(1970, 1, 1, tzinfo=UTC)


def to_svg(drawing: Drawing) -> str:
    """An SVG 1.1 document: as large as the photo, coordinates in pixels of the working picture, one element a shape.

    A transparent drawing has no background element. All is clipped to the picture, also by editors that show what lies beside a page.
    """
    width, height = drawing.size
    return _document(drawing, f'width="{width}" height="{height}" ', clipped=True)


def to_pdf(drawing: Drawing) -> bytes:
    """A PDF of one page with the same shapes, as large as browsers take the SVG to be: 96 px of the photo are an inch.

    Without background the page shows through. The same drawing gives the same bytes. Raises MissingExtra without fpdf2.
    """
    check_pdf()
    from fpdf import FPDF
    from fpdf.svg import SVGLimits, SVGObject

    width, height = drawing.size
    points = min(0.75, _LARGEST_PAGE / max(width, height))
    page = FPDF(unit="pt", format=(width * points, height * points))
    page.set_creation_date(_NO_DATE)
    page.set_margin(0)
    page.set_auto_page_break(False)
    page.add_page()
    # an SVG without a size of its own fills the page
    document = SVGObject(_document(drawing), svg_limits=SVGLimits(max_resolved_elements=None))
    document.draw_to_page(page)
    return bytes(page.output())


def check_pdf() -> None:
    """Raise now the MissingExtra that `to_pdf` would raise later."""
    try:
        import fpdf  # noqa: F401
    except ImportError as error:
        raise MissingExtra("writing PDF", "draw") from error


def _document(drawing: Drawing, size: str = "", clipped: bool = False) -> str:
    w, h = drawing.width, drawing.height
    # the working picture's sides are rounded, so its proportions are nearly the photo's: no strip must remain at an edge
    head = f'{size}viewBox="0 0 {w} {h}" preserveAspectRatio="none"'
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" {head}>']
    if clipped:
        frame = f'<rect width="{w}" height="{h}"/>'
        lines += [f'<clipPath id="frame">{frame}</clipPath>', '<g clip-path="url(#frame)">']
    if drawing.background is not None:
        color = "#{:02x}{:02x}{:02x}".format(*drawing.background)
        lines.append(f'<rect fill="{color}" width="{w}" height="{h}"/>')
    for opacity, run in groupby(drawing.marks, key=lambda mark: _opacity(mark.opacity)):
        marks = list(run)
        grouped = opacity != "1" and len(marks) >= _WORTH_GROUPING
        elements = [SHAPES[m.shape].svg(np.array(m.state), m.hex, "1" if grouped else opacity) for m in marks]
        if grouped:
            said = [f'{name}-opacity="{opacity}"' for name in ("fill", "stroke") if any(f'{name}="#' in e for e in elements)]
            elements = [f"<g {' '.join(said)}>", *elements, "</g>"]
        lines += elements
    return "\n".join([*lines, *(["</g>"] if clipped else []), "</svg>\n"])


def _opacity(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".")
