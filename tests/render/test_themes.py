"""Colours are legible on the usual backgrounds, line styles draw the same cells, and a user's own styles are checked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cases import each_case
from tests.environments import make_environment
from tests.render.results import render_text, result_of
from tokensh.errors import InterfaceError
from tokensh.render.borders import LINE_STYLES
from tokensh.render.options import choose_linestyle
from tokensh.render.themes import NAMES, THEMES, check_style, choose_theme, colour_depth
from tokensh.rows import Column, Row
from tokensh.text import width

# Backgrounds of widespread palettes.
DARK = {
    "xterm, VGA and macOS": "#000000",
    "Windows (Campbell)": "#0c0c0c",
    "Solarized dark": "#002b36",
    "GNOME (Tango)": "#2e3436",
    "Ubuntu": "#300a24",
    "Dracula": "#282a36",
    "One Dark": "#282c34",
    "Nord": "#2e3440",
}
LIGHT = {"xterm and macOS": "#ffffff", "Solarized light": "#fdf6e3", "Tango light": "#eeeeec", "One Light": "#fafafa"}
AA = 4.5
"""The contrast that WCAG 2.1 wants for text (1.4.3)."""


def luminance(colour: str) -> float:
    """The relative luminance of WCAG 2.1."""
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def worst(style: str, backgrounds: dict[str, str]) -> float:
    """The least contrast of a style; its own background takes the place of the terminal's."""
    front, _, own = style.partition(" on ")
    colours = [word for word in front.split() if word.startswith("#")]
    if not colours:
        return 21.0  # the terminal's own colours
    return min(contrast(colours[0], own or background) for background in backgrounds.values())


def test_every_theme_has_every_style_and_each_is_valid() -> None:
    for name, styles in THEMES.items():
        assert set(styles) == set(NAMES), name
        for what, style in styles.items():
            assert check_style(what, style) == style


@each_case(
    ("theme", "backgrounds"),
    [
        ("dark", DARK),
        ("light", LIGHT),
        ("solarized", {"Solarized dark": DARK["Solarized dark"]}),
        ("solarized-light", {"Solarized light": LIGHT["Solarized light"]}),
    ],
)
def test_a_theme_is_legible_on_all_of_its_backgrounds(theme: str, backgrounds: dict[str, str]) -> None:
    assert {name: style for name, style in THEMES[theme].items() if worst(style, backgrounds) < AA} == {}


def test_where_the_background_is_unknown_results_are_legible_on_all_and_the_prompt_on_black_and_white() -> None:
    results = ("past", "soon", "new", "gone", "changed")
    for name, style in THEMES["any"].items():
        seen = {**DARK, **LIGHT} if name in results else {"black": "#000000", "white": "#ffffff"}
        assert worst(style, seen) >= AA, name


@pytest.mark.parametrize(
    ("variables", "theme", "depth"),
    [
        ({"TERM": "xterm-256color"}, "any", "256"),
        ({"TERM": "xterm-256color", "COLORFGBG": "15;0"}, "dark", "256"),
        ({"TERM": "rxvt-256color", "COLORFGBG": "0;default;15"}, "light", "256"),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, "any", "truecolor"),
        ({"TERM": "linux"}, "mono", "standard"),
    ],
)
def test_the_theme_follows_what_the_terminal_tells(
    variables: dict[str, str], theme: str, depth: str, tmp_path: Path
) -> None:
    environment = make_environment(tmp_path, variables=variables)
    assert (choose_theme("auto", environment), colour_depth(environment)) == (theme, depth)
    assert choose_theme("light", environment) == "light"


@pytest.mark.parametrize(
    ("term", "linestyle"), [("xterm", "rounded"), ("linux", "square"), ("dumb", "ascii"), ("", "ascii")]
)
def test_lines_are_the_finest_that_the_terminal_can_draw(term: str, linestyle: str, tmp_path: Path) -> None:
    environment = make_environment(tmp_path, variables={"TERM": term})
    assert choose_linestyle("auto", environment) == linestyle
    assert choose_linestyle("markdown", environment) == "markdown"


@each_case(
    ("name", "style", "message"),
    [
        ("pst", "red", "unknown colour 'pst'"),
        ("past", "rde", "invalid style of past: 'rde'"),
        ("past", 3, "invalid style of past: 3"),
        ("past", "#12345", "invalid style of past"),
    ],
)
def test_a_users_style_is_checked(name: str, style: object, message: str) -> None:
    with pytest.raises(InterfaceError, match=message):
        check_style(name, style)
    assert check_style("past", " Bold #AABBCC on black") == "bold #aabbcc on black"


DRAWN = {
    ("ascii", 2): "|---|----|\n| a |  n |\n|---|----|\n| x | 10 |\n|---|----|\n",
    ("ascii", 1): " a |  n\n---|----\n x | 10\n",
    ("rounded", 2): "╭───┬────╮\n│ a │  n │\n├───┼────┤\n│ x │ 10 │\n╰───┴────╯\n",
    ("square", 2): "┌───┬────┐\n│ a │  n │\n├───┼────┤\n│ x │ 10 │\n└───┴────┘\n",
    ("square", 1): " a │  n\n───┼────\n x │ 10\n",
    ("markdown", 2): "| a |  n |\n|---|----|\n| x | 10 |\n",
    ("none", 2): "a   n\n─  ──\nx  10\n",
    ("ascii", 0): "a   n\n-  --\nx  10\n",
}


@each_case(("linestyle", "border"), DRAWN)
def test_a_line_style_draws_the_frame(linestyle: str, border: int) -> None:
    result: list[Row] = [("x", 10)]
    plain = render_text(
        "table", result_of(["a", Column("n", "integer")], list(result)), linestyle=linestyle, border=border
    )
    assert plain == DRAWN[linestyle, border]


@each_case("linestyle", LINE_STYLES)
def test_colour_changes_only_the_styles_in_every_line_style(linestyle: str) -> None:
    rows: list[Row] = [("two\nlines", None), ("x", 1)]
    texts = [
        render_text(
            "table",
            result_of(["a", "n"], list(rows)),
            terminal=True,
            width=60,
            colour=colour,
            linestyle=linestyle,
            theme="dark",
            depth="256",
        )
        for colour in (False, True)
    ]
    assert texts[0] != texts[1]
    assert _without_styles(texts[1]) == texts[0]
    assert len({width(line) for line in texts[0].rstrip("\n").split("\n")}) == 1


def _without_styles(text: str) -> str:
    return re.sub("\x1b\\[[0-9;]*m", "", text)


def test_records_show_indented_json_and_a_texts_own_lines_on_a_terminal() -> None:
    rows: list[Row] = [('{"a": [1, {"b": "é"}]}', "one\ntwo", "{no json")]
    result = result_of(["json", "text", "x"], rows)
    shown = render_text("table", result, terminal=True, width=80, expanded=True, linestyle="rounded")
    assert shown.splitlines()[1:] == [
        "json │ {",
        '     ┊   "a": [',
        "     ┊     1,",
        "     ┊     {",
        '     ┊       "b": "é"',
        "     ┊     }",
        "     ┊   ]",
        "     ┊ }",
        "text │ one",
        "     ┊ two",
        "x    │ {no json",
    ]
    assert len(render_text("table", result_of(["json", "text"], [rows[0][:2]]), expanded=True).splitlines()) == 3
