"""What is asked for, as plain frozen values: a request, its styles, settings and outputs; and every option, declared once."""

from atelier.request.options import (
    GROUPS,
    WORDS,
    LayerWeights,
    Option,
    S,
    check_all,
    current,
    is_a,
    option,
    options,
    override,
    parse_layers,
)
from atelier.request.outputs import PROFILES, VECTORS, Outputs
from atelier.request.request import TASKS, Request, plain, public
from atelier.request.settings import (
    FORMER,
    STARTS,
    STYLE_LAYERS,
    AnySettings,
    DrawSettings,
    InstantSettings,
    Settings,
)
from atelier.request.style import STROKES, Style
from atelier.request.tasks import Exploring, Judging, Parting, Recoloring

__all__ = [
    "FORMER",
    "GROUPS",
    "PROFILES",
    "STARTS",
    "STROKES",
    "STYLE_LAYERS",
    "TASKS",
    "VECTORS",
    "WORDS",
    "AnySettings",
    "DrawSettings",
    "Exploring",
    "InstantSettings",
    "Judging",
    "LayerWeights",
    "Option",
    "Outputs",
    "Parting",
    "Recoloring",
    "Request",
    "S",
    "Settings",
    "Style",
    "check_all",
    "current",
    "is_a",
    "option",
    "options",
    "override",
    "parse_layers",
    "plain",
    "public",
]
