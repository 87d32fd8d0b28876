"""Reads the page of user_tokens (tests/fixtures/user_tokens.mdx): its tables and its fenced texts."""

from __future__ import annotations

import html
import re
from pathlib import Path

TEXT = (Path(__file__).parents[1] / "fixtures" / "user_tokens.mdx").read_text("utf-8")


def table(heading: str) -> list[tuple[str, ...]]:
    """Return the body rows of the first table under a `## heading`, each cell as plain text."""
    section = TEXT.split(f"\n## {heading}\n", 1)[1]
    body = section.split("<tbody>", 1)[1].split("</tbody>", 1)[0]
    rows = re.findall(r"<tr.*?</tr>", body, re.DOTALL)
    return [tuple(map(_plain_text, re.findall(r"<td>(.*?)</td>", row, re.DOTALL))) for row in rows]


def fence(heading: str, language: str) -> str:
    """Return the first fenced text of a language under a `## heading`, without its last line end."""
    section = TEXT.split(f"\n## {heading}\n", 1)[1]
    return section.split(f"```{language}\n", 1)[1].split("\n```", 1)[0]


def _plain_text(cell: str) -> str:
    shown = re.sub(r'<CopyableCode code="(.*?)" />', r"\1", cell)
    return html.unescape(re.sub(r"<[^>]+>", "", shown))
