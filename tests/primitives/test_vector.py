"""Drawings as SVG and PDF. That the SVG is what we paint is tested with the painting (test_render)."""

from __future__ import annotations

import re
import sys
from xml.etree import ElementTree

import numpy as np
import pytest
from drawings import a_drawing, premultiplied, psnr

from atelier.engines.primitives.drawing import Drawing, Mark
from atelier.engines.primitives.render import render
from atelier.engines.primitives.shapes import SHAPES
from atelier.engines.primitives.vector import to_pdf, to_svg
from atelier.errors import MissingExtra

ALL = list(SHAPES)
SVG = "{http://www.w3.org/2000/svg}"


def same(drawing: Drawing, opacity: float) -> Drawing:
    marks = tuple(Mark(m.shape, m.state, m.color, opacity) for m in drawing.marks)
    return Drawing(drawing.width, drawing.height, drawing.size, drawing.background, marks)


def test_the_document() -> None:
    drawing = a_drawing(ALL, 18, size=(640, 481))
    root = ElementTree.fromstring(to_svg(drawing))
    assert root.tag == f"{SVG}svg"
    assert dict(root.attrib) == {"width": "640", "height": "481", "viewBox": "0 0 64 48", "preserveAspectRatio": "none"}
    frame, inside = root
    assert (frame.tag, frame.get("id")) == (f"{SVG}clipPath", "frame") and inside.get("clip-path") == "url(#frame)"
    assert dict(frame[0].attrib) == {"width": "64", "height": "48"}
    background, *shapes = inside
    assert dict(background.attrib) == {"fill": "#285078", "width": "64", "height": "48"}
    assert len(shapes) == 18
    for element, mark in zip(shapes, drawing.marks, strict=True):
        assert mark.hex in (element.get("fill"), element.get("stroke"))
        assert float(element.get("fill-opacity") or element.get("stroke-opacity") or 1) == mark.opacity


def test_no_background_no_element() -> None:
    assert len(ElementTree.fromstring(to_svg(a_drawing(ALL, 2, background=None)))[1]) == 2
    assert len(ElementTree.fromstring(to_svg(a_drawing(ALL, 0, background=None)))[1]) == 0


@pytest.mark.parametrize(("names", "said"), [
    (["triangle"], {"fill-opacity": "0.502"}), (["stroke", "line"], {"stroke-opacity": "0.502"}),
    (["line", "circle"], {"fill-opacity": "0.502", "stroke-opacity": "0.502"}),
])  # fmt: skip
def test_a_common_opacity_is_said_once(names: list[str], said: dict[str, str]) -> None:
    text = to_svg(same(a_drawing(names, 6), 0.502))
    group = ElementTree.fromstring(text)[1][1]
    assert group.tag == f"{SVG}g"
    assert dict(group.attrib) == said
    assert len(group) == 6
    assert text.count("opacity") == len(said)


def test_opaque_shapes_say_nothing_of_opacity() -> None:
    text = to_svg(same(a_drawing(ALL, 12), 1.0))
    assert "opacity" not in text
    assert text.count("<g") == 1  # what clips


def test_it_is_compact() -> None:
    """fogleman/primitive writes about 90 bytes a triangle at the same precision or less."""
    drawing = same(a_drawing(["triangle"], 200, width=256, height=171), 0.5)
    assert len(to_svg(drawing)) / 200 < 80
    assert not re.search(r"\d\.\d{3}|\.0\D|-0[ \"]", to_svg(drawing))


# PDF -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "least"), [*((name, 45) for name in ALL if name not in ("rectangle", "stroke")), ("rectangle", 30), ("stroke", 30)]
)
def test_pdf_is_the_picture(name: str, least: float) -> None:
    """PDFium moves sides of rectangles to whole pixels, and rounds no hairpin of a stroke as SVG does."""
    pdfium = pytest.importorskip("pypdfium2")
    pytest.importorskip("fpdf")
    drawing = a_drawing([name], 20, size=(192, 145))
    document = pdfium.PdfDocument(to_pdf(drawing))
    assert len(document) == 1
    assert document[0].get_size() == pytest.approx((144, 108.75), abs=0.01)
    shown = np.asarray(document[0].render(scale=4 / 3).to_pil().convert("RGBA")) / 255
    document.close()
    assert psnr(shown, premultiplied(render(drawing, shown.shape[1::-1]))) > least


def test_pdf_without_background_shows_the_page() -> None:
    pdfium = pytest.importorskip("pypdfium2")
    pytest.importorskip("fpdf")
    drawing = a_drawing(["circle", "triangle"], 6, background=None, size=(128, 96))
    document = pdfium.PdfDocument(to_pdf(drawing))
    shown = np.asarray(document[0].render(scale=4 / 3).to_pil().convert("RGB")) / 255
    document.close()
    assert psnr(shown, render(drawing, shown.shape[1::-1]).flat().pixels.astype(np.float64)) > 40


def test_pdf_is_the_same_every_time_and_holds_shapes_only() -> None:
    pytest.importorskip("fpdf")
    drawing = a_drawing(ALL, 18)
    data = to_pdf(drawing)
    assert data == to_pdf(drawing)
    assert data.startswith(b"%PDF-")
    assert b"/Image " not in data


def test_pdf_of_a_huge_photo_keeps_to_the_largest_page() -> None:
    pdfium = pytest.importorskip("pypdfium2")
    pytest.importorskip("fpdf")
    document = pdfium.PdfDocument(to_pdf(a_drawing(ALL, 9, size=(64_000, 48_000))))
    assert document[0].get_size() == pytest.approx((14_400, 10_800), abs=1)
    document.close()


def test_pdf_without_fpdf2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fpdf", None)
    with pytest.raises(MissingExtra, match=r"pip install 'atelier\[draw\]'"):
        to_pdf(a_drawing(ALL, 1))
