"""What `--help` shows: options under the headings a person looks for, and an example for each command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from atelier.request import Exploring, Judging, Outputs, Parting, Recoloring, Request, options

HEADINGS = ("Input", "Style", "Look", "Result", "Run")
"""What goes in, which style, how it is to look, what comes out, how the work is done; others follow."""
OWN = {
    "out": "Result", "style": "Style", "styles": "Style", "mask": "Style", "like": "Input", "like_mask": "Input", "width": "Result",
    "height": "Result", "layer": "Look", "method": "Look", "space": "Look", "stretch": "Look", "max_pixels": "Input",
    "max_bytes": "Input", "allow_private": "Input", "quiet": "Run", "help": "Run", "cells": "Result", "html": "Result", "plot": "Result",
    "side": "Result", "as_json": "Result", "sheet": "Result", "show": "Result", "how": "Style", "box": "Input", "scribbles": "Input",
    "content": "Input", "vary": "Look", "third": "Style", "steps": "Look", "judge": "Result", "listed": "Run", "photos": "Input",
    "device": "Run", "seed": "Run", "name": "Result", "manifest": "Result", "again": "Run", "workers": "Run", "cluster": "Run",
    "folder": "Result", "serve": "Run", "port": "Run", "address": "Run", "headless": "Run",
    "source": "Input",
}  # fmt: skip
"""Options of commands that are neither settings nor options of requests and outputs, and where they are looked for."""
GROUPED = {
    each.name: each.group.capitalize()
    for kind in (Judging, Exploring, Parting, Recoloring, Request, Outputs)
    for each in options(kind).values()
} | OWN

COMMANDS: Mapping[str, tuple[str, ...]] = {
    "Paint": ("stylize", "texture", "reconstruct", "redo", "recolor", "regions"),
    "Draw": ("draw", "redraw"),
    "Choose and compare": ("styles", "recipes", "explore", "compare", "evaluate", "plot"),
    "Three dimensions": ("representations",),
    "Many pictures": ("batch", "serve", "keys"),
    "Train and export": ("train", "export", "weights"),
    "In the browser": ("studio", "live", "web"),
    "This machine": ("bench",),
}
EXAMPLES: Mapping[str, str] = {
    "stylize": "atelier stylize photo.jpg --style starry-night --out painted.png",
    "texture": "atelier texture painting.jpg --width 1600 --height 900 --out texture.png",
    "reconstruct": "atelier reconstruct photo.jpg --layer conv4_2 --out known.png",
    "redo": "atelier redo painted.png --out again.png",
    "recolor": "atelier recolor painted.png --like photo.jpg --out own-colors.png",
    "regions": "atelier regions photo.jpg --regions auto:5 --out map.png",
    "draw": "atelier draw photo.jpg --shape triangle,ellipse --count 200 --out drawn.svg",
    "redraw": "atelier redraw drawn.json --size 4096 --out large.png",
    "styles": "atelier styles photo.jpg --sheet all-styles.jpg",
    "recipes": "atelier recipes",
    "explore": "atelier explore photo.jpg --style udnie --vary strength=.3,.6,1 --out sheet.png",
    "representations": "atelier representations spot.obj --learn suzanne.obj --bytes 4096,16384 --out left.png",
    "compare": "atelier compare first.png second.png --out differences.png",
    "evaluate": "atelier evaluate painted.png --content photo.jpg --style painting.jpg",
    "plot": "atelier plot losses.jsonl --out losses.png",
    "export": "atelier export starry-night --out starry-night.onnx",
    "batch": "atelier batch photos/ --style starry-night --style udnie --out painted/",
    "serve": "atelier serve --host 127.0.0.1 --port 8000 --data service/",
    "keys": "atelier keys add shop --scopes read,write",
    "keys list": "atelier keys list",
    "keys add": "atelier keys add shop --scopes read,write",
    "keys revoke": "atelier keys revoke shop",
    "bench": "atelier bench --sizes 256,512",
    "studio": "atelier studio",
    "live": "atelier live --style the-scream",
    "train": "atelier train style painting.jpg --name mine",
    "weights": "atelier weights pull vgg19",
    "train style": "atelier train style painting.jpg --name mine --seconds 60",
    "train network": "atelier train network --photos photos/ --styles paintings/ --out runs/mine",
    "train compress": "atelier train compress runs/mine --wide 48 --out smaller.safetensors",
    "weights list": "atelier weights list",
    "weights pull": "atelier weights pull vgg19",
    "weights verify": "atelier weights verify vgg19",
    "weights path": "atelier weights path pocket",
    "web": "atelier web page --serve",
}
"""An example of every command, by the words it is called with."""


def heading(parameter: Any) -> str:
    """The heading that an option or argument stands under."""
    if panel := getattr(parameter, "rich_help_panel", None):
        return str(panel)
    return "Input" if parameter.param_type_name == "argument" else GROUPED.get(parameter.name or "", "Run")


def in_order(headings: list[str]) -> list[str]:
    """Headings in the order that people look in."""
    return [*(each for each in HEADINGS if each in headings), *(each for each in headings if each not in HEADINGS)]
