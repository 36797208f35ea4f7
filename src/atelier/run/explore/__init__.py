"""A photo painted in many ways: every combination of a few settings, or the way from one style to another.

Every picture is a run of its own, with its request embedded in it, in a folder of their own. So whatever ends an exploration, what is
painted is there, and the same exploration goes on from it.

    axes      what is varied, and the words for it        plan     every picture's request, checked
    paint     one picture after another                   records  what is remembered beside them
    sheet, page, table, curves: what is shown             exploration  the whole way
"""

from atelier.run.explore.axes import Axis, blend_axes, build_axis, parse_axis
from atelier.run.explore.exploration import Exploration, Sheets, explore
from atelier.run.explore.variant import Variant

__all__ = ["Axis", "Exploration", "Sheets", "Variant", "blend_axes", "build_axis", "explore", "parse_axis"]
