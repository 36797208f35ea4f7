"""The page's words in other languages, by gettext."""

from __future__ import annotations

import gettext
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

LANGUAGES = {"en": "English", "de": "Deutsch"}
FOLDER = Path(__file__).parent / "locale"
Say = Callable[[str], str]


def choose_language(asked: str, accepted: str = "") -> str:
    """The first language there is: what was asked for, then what the browser accepts ("de-CH,de;q=0.9")."""
    for each in [asked, *re.split(r"[,;\s]+", accepted)]:
        if (found := each.lower().split("-")[0]) in LANGUAGES:
            return found
    return "en"


@cache
def words(language: str) -> Say:
    """From English to a language. What nobody translated stays as it is."""
    return gettext.translation("atelier", FOLDER, [language], fallback=True).gettext
