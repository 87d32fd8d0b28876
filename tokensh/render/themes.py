"""Colours: what is styled, and the themes that say how. Data only; `render.terminal` and `shell.highlight` turn it into escapes.

A style is a text such as `bold #ff8787 on #000000`: attributes (bold, dim, italic, underline, reverse), one colour, and `on` with
the background. Colours are `#rrggbb`, or names of the terminal's own palette (`red`, `bright_black`), which each terminal shows
as it likes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from tokensh.environment import Environment
from tokensh.errors import InterfaceError
from tokensh.text import did_you_mean

Styles = Mapping[str, str]
"""A style for each name in `NAMES`; an empty one is the terminal's own text."""

NAMES = (
    *("header", "name", "border", "null", "hidden", "past", "soon", "new", "gone", "changed"),
    *("keyword", "string", "number", "comment", "variable", "workspace", "transaction", "trouble", "toolbar"),
)
"""What has a style: of a table, of the changes that `\\watch` marks, and of the prompt."""

_WORDS = "bold|dim|italic|underline|reverse"
_PALETTE = "black|red|green|yellow|blue|magenta|cyan|white"
_COLOUR = rf"#[0-9a-f]{{6}}|(?:bright_)?(?:{_PALETTE})"
_STYLE = rf"(?i)(?:(?:{_WORDS})\s*)*(?:(?:{_COLOUR})\s*)?(?:on (?:{_COLOUR}))?"

# Attributes alone: legible on every background.
_MONO = {
    **dict.fromkeys(NAMES, ""),
    **dict.fromkeys(("header", "name", "keyword", "soon", "transaction", "trouble"), "bold"),
    **dict.fromkeys(("border", "null", "hidden", "comment", "toolbar", "gone"), "dim"),
    **dict.fromkeys(("past", "new", "changed"), "reverse"),
}
# A time that is over or near brings its own background, which is legible wherever it is; the other colours are those of the
# 256 that have a contrast of 4.5 with black and with white.
_ANY = {
    **_MONO,
    "past": "#ffffff on #af0000",
    "soon": "#000000 on #ffd75f",
    "new": "#000000 on #87d787",
    "gone": "#ffffff on #870000",
    "changed": "#000000 on #ffd75f",
    "keyword": "bold #5f5fff",
    "string": "#00875f",
    "number": "#d700af",
    "variable": "#875fd7",
    "workspace": "#875fd7",
    "transaction": "bold #d700af",
    "trouble": "#af5f5f",
}
_DARK = {
    **_MONO,
    **dict.fromkeys(("border", "null", "hidden", "comment", "toolbar"), "#afafaf"),
    "past": "#ff8787",
    "soon": "#ffd75f",
    "new": "#87d787",
    "gone": "#ff8787",
    "changed": "#ffd75f",
    "keyword": "bold #87afff",
    "string": "#87d787",
    "number": "#d787ff",
    "variable": "#87d7ff",
    "workspace": "#87d7ff",
    "transaction": "bold #ffaf5f",
    "trouble": "#ff8787",
}
_LIGHT = {
    **_MONO,
    **dict.fromkeys(("border", "null", "hidden", "comment", "toolbar"), "#5f5f5f"),
    "past": "#af0000",
    "soon": "#875f00",
    "new": "#005f00",
    "gone": "#af0000",
    "changed": "#875f00",
    "keyword": "bold #005faf",
    "string": "#005f00",
    "number": "#870087",
    "variable": "#005f87",
    "workspace": "#005f87",
    "transaction": "bold #af0000",
    "trouble": "#af0000",
}
# The sixteen colours of the terminal, as its owner has set them.
_TERMINAL = {
    **_MONO,
    "border": "",
    "past": "red",
    "soon": "yellow",
    "new": "green",
    "gone": "red",
    "changed": "yellow",
    "keyword": "bold blue",
    "string": "green",
    "number": "magenta",
    "comment": "bright_black",
    "variable": "cyan",
    "workspace": "cyan",
    "transaction": "bold red",
    "trouble": "red",
    "toolbar": "bright_black",
}

# Ethan Schoonover's palette, each colour mixed with white or black until its contrast with the background is 4.5.
_SOLARIZED = {
    **_MONO,
    **dict.fromkeys(("border", "null", "hidden", "comment", "toolbar"), "#839499"),
    "past": "#e56765",
    "soon": "#b58900",
    "new": "#859900",
    "gone": "#e56765",
    "changed": "#b58900",
    "keyword": "bold #859900",
    "string": "#2aa198",
    "number": "#de66a0",
    "variable": "#3c97d6",
    "workspace": "#3c97d6",
    "transaction": "bold #d7764e",
    "trouble": "#e56765",
}
_SOLARIZED_LIGHT = {
    **_MONO,
    **dict.fromkeys(("border", "null", "hidden", "comment", "toolbar"), "#586e75"),
    "past": "#d3302d",
    "soon": "#8a6800",
    "new": "#687700",
    "gone": "#d3302d",
    "changed": "#8a6800",
    "keyword": "bold #687700",
    "string": "#207a74",
    "number": "#c6337a",
    "variable": "#1f72ac",
    "workspace": "#1f72ac",
    "transaction": "bold #bf4615",
    "trouble": "#d3302d",
}

THEMES: Mapping[str, Styles] = {
    "any": _ANY,
    "dark": _DARK,
    "light": _LIGHT,
    "solarized": _SOLARIZED,
    "solarized-light": _SOLARIZED_LIGHT,
    "terminal": _TERMINAL,
    "mono": _MONO,
}
"""The themes by name: for any background, a dark or a light one, Solarized's two, with the terminal's own palette, and without colours."""


def choose_theme(name: str, environment: Environment) -> str:
    """Return a theme's name; for `auto` the one that fits the terminal as far as its variables tell."""
    if name != "auto":
        return name
    if colour_depth(environment) == "standard":
        return "mono"
    # rxvt, Konsole and iTerm set it, as `15;0`: the last number is the background, of which 7 and 9 to 15 are light.
    background = environment.get("COLORFGBG").rpartition(";")[2]
    if not background.isdecimal():
        return "any"
    return "light" if int(background) in (7, *range(9, 16)) else "dark"


def colour_depth(environment: Environment) -> str:
    """Return how many colours the terminal has, as rich calls it: `truecolor`, `256` or `standard` (16)."""
    if environment.get("COLORTERM") in ("truecolor", "24bit"):
        return "truecolor"
    return "256" if "256color" in environment.get("TERM") else "standard"


def check_style(name: str, style: object) -> str:
    """Return a style that a user gave. Raises InterfaceError, also for a name that has no style."""
    if name not in NAMES:
        raise InterfaceError(
            f"unknown colour {name!r}", hint=did_you_mean(name, NAMES) or f"the names are {', '.join(NAMES)}"
        )
    if not isinstance(style, str) or not re.fullmatch(_STYLE, style.strip()):
        raise InterfaceError(f"invalid style of {name}: {style!r}", hint='for example "bold #ff8787 on black"')
    return style.strip().lower()
