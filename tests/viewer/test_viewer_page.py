"""Pages of one file."""

from __future__ import annotations

import re

from atelier.viewer import MODULES, VERSION, module_text, page


def test_a_page_needs_nothing_from_elsewhere() -> None:
    found = page("A <b>", "<main></main>", 'import * as THREE from "three";', {"mesh": b"glTF"}, list(MODULES))
    assert "A &lt;b&gt;" in found
    assert 'id="data-mesh">Z2xURg==<' in found
    assert not re.search(r"(?:src|href)=", found)
    for name in MODULES:
        assert f'"{name}": "data:text/javascript;base64,' in found
        assert not re.search(r"""from\s*['"]\.""", module_text(name)), "a data URL has nothing beside it"


def test_a_script_cannot_end_its_element() -> None:
    assert "</script>x" not in page("a", "", "const a = '</script>x'")


def test_the_version_is_that_of_the_files() -> None:
    assert f'"{VERSION.split(".")[1]}"' in module_text("three-core")
