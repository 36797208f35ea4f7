"""One self-contained HTML file: markup, a script, three.js and data."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Mapping, Sequence
from importlib import resources

VERSION = "0.180.0"
"""Of three.js, in `three/`."""
MODULES = {
    "three": "three.module.min.js",
    "three-core": "three.core.min.js",
    "three/addons/controls/OrbitControls.js": "OrbitControls.js",
    "three/addons/loaders/GLTFLoader.js": "GLTFLoader.js",
    "three/addons/utils/BufferGeometryUtils.js": "BufferGeometryUtils.js",
}
"""By the name that a script imports it under: the file."""
RELATIVE = {"./three.core.min.js": "three-core", "../utils/BufferGeometryUtils.js": "three/addons/utils/BufferGeometryUtils.js"}
"""What those files import from beside them, and the names it has here: a module in a data URL has nothing beside it."""
NEEDS = {"three": ("three-core",), "three/addons/loaders/GLTFLoader.js": ("three/addons/utils/BufferGeometryUtils.js",)}


def page(title: str, body: str, script: str, data: Mapping[str, bytes] = {}, modules: Sequence[str] = ("three",)) -> str:
    """Make a page of one file.

    body: HTML. script: a JavaScript module, which may import `modules`, names of MODULES, and reads what is in data by
    `atelierData(name)`, a Uint8Array.
    """
    imports = {name: data_url(module_text(name).encode(), "text/javascript") for name in with_needs(modules)}
    kept = "".join(
        f'<script type="application/octet-stream;base64" id="data-{html.escape(name)}">{base64.b64encode(each).decode()}</script>\n'
        for name, each in data.items()
    )
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{html.escape(title)}</title>\n'
        f'<script type="importmap">{json.dumps({"imports": imports})}</script>\n</head>\n<body>\n{body}\n{kept}'
        f'<script>\n{READ}\n</script>\n<script type="module">\n{closed(script)}\n</script>\n</body>\n</html>\n'
    )


READ = """\
function atelierData(name) {
  const text = atob(document.getElementById("data-" + name).textContent);
  return Uint8Array.from(text, (each) => each.charCodeAt(0));
}"""


def module_text(name: str) -> str:
    """The source of one of MODULES, whose imports go by the names there."""
    text = (resources.files("atelier.viewer") / "three" / MODULES[name]).read_text(encoding="utf-8")
    for beside, known in RELATIVE.items():
        text = text.replace(f'"{beside}"', f'"{known}"').replace(f"'{beside}'", f"'{known}'")
    return text


def with_needs(modules: Sequence[str]) -> list[str]:
    """Modules with those that they import, each once."""
    found: dict[str, None] = {}
    for name in modules:
        found |= dict.fromkeys(["three", *NEEDS["three"], name, *NEEDS.get(name, ())])
    return list(found)


def data_url(content: bytes, kind: str) -> str:
    """A `data:` URL of this media type."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def closed(script: str) -> str:
    """A script that cannot end its element early."""
    return script.replace("</script", "<\\/script")
