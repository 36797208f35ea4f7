"""The first page: Streamlit's own, with our looks, and the gallery in it before any script has begun."""

from __future__ import annotations

import html
from functools import cache
from pathlib import Path

from atelier.engines.network.catalogue import every
from atelier.studio.words import choose_language, words

SHELL = """<div id="first" aria-hidden="true"><div class="mast"><span class="mark">atelier</span></div>
<div class="first-columns"><div><div class="stage"><div class="frame"><img class="picture"
src="/studio/web/samples/coffee.jpg" alt=""></div></div>
<p class="first-say">{say}</p><div class="gallery">{cards}</div></div><div></div></div></div>"""
CARD = """<div class="card"><img src="/studio/swatch/{name}" alt=""><span class="title">{title}</span><span class="by">{by}</span></div>"""
HEAD = """<title>atelier</title><link rel="icon" href="/studio/web/mark.svg"><link rel="stylesheet" href="/studio/web/studio.css">
<link rel="preload" href="/studio/web/fonts/instrument-serif-latin-400-normal.woff2" as="font" type="font/woff2" crossorigin>
<meta name="description" content="Photos into paintings, on your own machine">"""


def page(accepted: str = "", asked: str = "") -> str:
    """The page for a browser that accepts these languages."""
    return _page(choose_language(asked, accepted))


@cache
def _page(language: str) -> str:
    import streamlit

    say = words(language)
    text = (Path(streamlit.__file__).parent / "static/index.html").read_text(encoding="utf-8")
    cards = "".join(
        CARD.format(name=each.name, title=html.escape(each.title), by=html.escape(", ".join(filter(None, (each.painter, each.year)))))
        for each in every()
    )
    shell = SHELL.format(cards=cards, say=html.escape(say("Styles, on your photo")))
    text = text.replace("<title>Streamlit</title>", HEAD).replace('<html lang="en">', f'<html lang="{language}">')
    return text.replace('<div id="root">', f'{shell}<div id="root">')
