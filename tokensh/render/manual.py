r"""The manual's topics: files of Markdown, which a terminal shows as text with styles and anything else gets as they are.

`tokensh help TOPIC` and `\h TOPIC` show them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from tokensh.errors import InterfaceError
from tokensh.text import did_you_mean

FOLDER = Path(__file__).parents[1] / "manual"
FIRST = ("start", "statements", "times", "workspaces", "rotate", "audit", "views", "shell", "batches", "security")
"""The topics that are listed first, in the order in which a newcomer needs them."""
_WIDEST = 100
"""Columns: longer lines are hard to read."""


@cache  # completion asks with each key
def read_titles() -> Mapping[str, str]:
    """Return the title of each topic by its name, in the order of the names."""
    names = sorted(path.stem for path in FOLDER.glob("*.md"))
    return {name: _read(name).partition("\n")[0].removeprefix("# ") for name in names}


def list_topics() -> dict[str, str]:
    """Return what each topic is about by its name, those of a newcomer first."""
    titles = read_titles()
    ordered = (*FIRST, *(name for name in titles if name not in FIRST))
    return {name: titles[name].removeprefix(f"{name.capitalize()}: ") for name in ordered}


def read_topic(name: str) -> str:
    """Return the Markdown of a topic. Raises InterfaceError for an unknown one."""
    topics = list_topics()
    if name.lower() not in topics:
        raise InterfaceError(
            f"the manual has no topic {name!r}", hint=did_you_mean(name, topics) or "tokensh help lists them"
        )
    return _read(name.lower())


def render_topic(markdown: str, columns: int) -> str:
    """Return a topic as lines for a colour terminal that is so many columns wide."""
    from rich.markdown import Markdown  # noqa: PLC0415 (rich takes 45 ms, which pipes do without)

    from tokensh.render.terminal import create_text_console  # noqa: PLC0415 (the same)

    console = create_text_console("standard", min(columns, _WIDEST), 1)
    # On a terminal, the way to another topic is a command.
    markdown = re.sub(r"\[\w+\]\((\w{1,20})\.md\)", r"`tokensh help \1`", markdown)
    with console.capture() as captured:
        # A theme without a background: it has to be legible on light and on dark terminals.
        console.print(Markdown(markdown, code_theme="ansi_dark", hyperlinks=False))
    return captured.get()


def _read(name: str) -> str:
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8")
