"""Draw the picture of README: `python -m tests.session_picture` runs a session in a terminal and writes its screen as an SVG."""

from __future__ import annotations

import io
import tempfile
from itertools import groupby
from pathlib import Path

from pyte.screens import Char
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from tests.shell.terminal import ENTER, Terminal

PICTURE = Path(__file__).parents[1] / ".github" / "session.svg"
COLUMNS, LINES = 108, 47
# Tests read tables drawn in ASCII; the picture has the lines that users see.
CONFIG = '[shell]\nlinestyle = "rounded"\ntheme = "terminal"\n'
THEME = TerminalTheme(
    (24, 26, 31),
    (214, 217, 222),
    [
        (58, 62, 71),
        (232, 105, 98),
        (137, 190, 110),
        (226, 183, 96),
        (98, 160, 234),
        (190, 130, 220),
        (86, 186, 194),
        (214, 217, 222),
    ],
    [
        (110, 116, 128),
        (240, 130, 124),
        (160, 210, 135),
        (240, 205, 130),
        (130, 182, 245),
        (210, 155, 235),
        (120, 208, 214),
        (245, 246, 248),
    ],
)
# rich's own template without the fonts, which a browser would load from another site.
FORMAT = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: monospace; font-size: {char_height}px; line-height: {line_height}px; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" /></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def session(folder: Path) -> Terminal:
    """Run a session on the sandbox: list two workspaces, create a token, revoke one, query an earlier result."""
    config = folder / "look.toml"
    config.write_text(CONFIG)
    cache = folder / "cache"
    terminal = Terminal("--sandbox", home=folder, cache=cache, size=(COLUMNS, LINES), TOKENSH_CONFIG=str(config))
    terminal.prompt()
    terminal.run(
        "select deployment_name, comment, token_id, expiry_time from user_tokens where deployment_name in"
        " ('dbc-abcd0123-a1bc', 'dbc-bcde1234-b2cd') order by expiry_time limit 6;"
    )
    terminal.run("insert into user_tokens (data__comment) values ('ci') returning token_value;")
    terminal.type("delete from user_tokens where comment = 'nightly export';" + ENTER)
    terminal.see("[y/N]")
    terminal.type("y" + ENTER)
    terminal.prompt()
    terminal.run("select comment from _1 where days_left(expiry_time) < 0;")
    terminal.type("select comment from user_tokens where ")
    terminal.see("required")
    terminal.read(0.5)
    return terminal


def draw_svg(terminal: Terminal) -> str:
    """Return the terminal's screen as an SVG."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), legacy_windows=False)
    screen = terminal.screen
    for y in range(screen.lines):
        line = Text()
        cells = [screen.buffer[y][x] for x in range(screen.columns)]
        for look, run in groupby(cells, lambda cell: cell._replace(data="")):
            line.append("".join(cell.data for cell in run), _to_rich_style(look))
        console.print(line, no_wrap=True, crop=False, highlight=False)
    return console.export_svg(title="tokensh", theme=THEME, code_format=FORMAT, unique_id="tokensh")


def _to_rich_style(cell: Char) -> Style:
    return Style(
        color=_to_rich_colour(cell.fg),
        bgcolor=_to_rich_colour(cell.bg),
        bold=cell.bold,
        italic=cell.italics,
        reverse=cell.reverse,
    )


def _to_rich_colour(name: str) -> str | None:
    """Return rich's name of a pyte colour: `brown` is yellow, one of the 256 colours is its hexadecimal digits."""
    if name == "default":
        return None
    if len(name) == 6 and set(name) <= set("0123456789abcdef"):
        return f"#{name}"
    bright = name.startswith("bright")
    base = name.removeprefix("bright").replace("brown", "yellow")
    return f"bright_{base}" if bright else base


def main() -> None:
    """Run the session and write the picture."""
    with tempfile.TemporaryDirectory() as folder:
        terminal = session(Path(folder))
        try:
            picture = draw_svg(terminal)
        finally:
            terminal.close()
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(picture)
    print(f"{PICTURE}: {len(picture) // 1024} kB")


if __name__ == "__main__":
    main()
