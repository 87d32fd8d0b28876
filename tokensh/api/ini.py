"""Parse the INI dialect of ~/.databrickscfg as the Databricks CLI does.

Its reader differs from Python's: a value ends before ` #` or ` ;`, quotes around it do not belong to it, a section or an option
that comes twice is one whose last value counts, settings above the first section belong to DEFAULT, indentation means
nothing, and a backslash at the end of a line joins the next one to it.

Unlike it, a line that cannot be read spoils only its own section. No message quotes a line, which may hold a secret.
"""

from __future__ import annotations

from collections.abc import Iterator

from tokensh._dataclasses import dataclass, field

DEFAULT = "DEFAULT"
"""The section of settings that stand above all sections."""
_QUOTES = ('"', "'")


@dataclass(slots=True)
class Section:
    """A section, with the number of its first line.

    `problem` is what is wrong with its first line that cannot be read, with that line's number; empty if all can be.
    """

    name: str
    line: int
    settings: dict[str, str] = field(default_factory=dict)
    problem: str = ""


def parse(text: str) -> tuple[Section, ...]:
    """Return the sections of a file in their order."""
    sections: dict[str, Section] = {}
    section: Section | None = None
    for number, line in _join_continued(text):
        if not line or line[0] in "#;":
            continue
        if line[0] == "[":
            name, problem = _read_header(line)
            section = sections.setdefault(name, Section(name, number))
        else:
            section = section or sections.setdefault(DEFAULT, Section(DEFAULT, number))
            problem = _read_setting(section, line)
        if problem and not section.problem:
            section.problem = f"line {number}: {problem}"
    return tuple(sections.values())


def _join_continued(text: str) -> Iterator[tuple[int, str]]:
    """Yield each line without the blanks around it, and its number; lines after a backslash belong to the one before."""
    start, joined = 0, ""
    for number, raw in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        line = raw.strip()
        start = start or number
        is_setting = bool(joined) or (line[:1] not in ("", "#", ";", "["))
        if is_setting and line.endswith("\\"):
            joined += line[:-1]
            continue
        yield start, joined + line
        start, joined = 0, ""
    if joined:
        yield start, joined


def _read_header(line: str) -> tuple[str, str]:
    """Return a section's name, and what is wrong with its line."""
    name, bracket, _ = line[1:].rpartition("]")
    if not bracket:
        return line[1:].strip(), "the name of the section has no ']' at its end"
    return name, "" if name else "the section has no name"


def _read_setting(section: Section, line: str) -> str:
    """Read a line `key = value` into a section; return what is wrong with it."""
    if any("\udc80" <= character <= "\udcff" for character in line):
        return "it is not text in UTF-8"
    end = min((at for at in (line.find("="), line.find(":")) if at >= 0), default=-1)
    key = line[:end].strip().lower()
    if end < 0:
        return "it is neither a setting (key = value) nor a [section] nor a comment"
    if not key:
        return "no key stands before the '='"
    section.settings[key] = _read_value(line[end + 1 :].strip())
    return ""


def _read_value(text: str) -> str:
    for mark in (" #", " ;"):
        before, found, _ = text.partition(mark)
        if found:
            text = before.strip()
            break
    is_quoted = len(text) > 1 and text[0] in _QUOTES and text.find(text[0], 1) == len(text) - 1
    return text[1:-1] if is_quoted else text
