r"""`{{ name }}` in a statement: found by the lexer, filled so that a value can never break out of where it stands.

Inside quotes a value is text: its quotes are doubled, and inside a JSON string inside quotes it is escaped for both. Outside
quotes it is a JSON number, true, false or null, and nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from tokensh._dataclasses import dataclass
from tokensh.errors import PlaceholderError, Span
from tokensh.sql.grammar import ParseTable
from tokensh.sql.lexer import tokenize

PlaceholderValue = str | int | float | bool | None
"""A placeholder's value; text from `--var`, or a value of a vars file."""

_INSIDE = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_NAME = re.compile(r"[^\W\d][\w.-]*")
_BARE = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null")


@dataclass(frozen=True, slots=True)
class PlaceholderUse:
    """One use of a placeholder: where it stands and in what: 'bare', 'string', 'name' or 'json' (a JSON string in quotes)."""

    name: str
    span: Span
    context: str
    quote: str = ""


def find_placeholders(table: ParseTable, text: str) -> tuple[PlaceholderUse, ...]:
    """The placeholders of a statement, in order. Raises PlaceholderError for one whose name is none."""
    found: list[PlaceholderUse] = []
    for token in tokenize(table, text):
        if token.kind == "PLACEHOLDER":
            found.append(_make_use(token.text[2:-2].strip(), token.span, "bare"))
        elif token.kind in ("STRING", "QUOTED_NAME"):
            found.extend(_find_in_quotes(token.text, token.start, token.kind))
    return tuple(found)


def _find_in_quotes(text: str, start: int, kind: str) -> list[PlaceholderUse]:
    quote = text[0]
    places: list[PlaceholderUse] = []
    for found in _INSIDE.finditer(text):
        span = Span(start + found.start(), start + found.end())
        where = "name" if kind == "QUOTED_NAME" else "json" if _in_json_string(text[1 : found.start()]) else "string"
        places.append(_make_use(found.group(1), span, where, quote))
    return places


def _in_json_string(before: str) -> bool:
    """Whether an open JSON string precedes, in text that begins as a JSON object or array."""
    if not before.lstrip().startswith(("{", "[")):
        return False
    return len(re.findall(r'(?<!\\)(?:\\\\)*"', before)) % 2 == 1


def _make_use(name: str, span: Span, inside: str, quote: str = "") -> PlaceholderUse:
    if not _NAME.fullmatch(name):
        raise PlaceholderError(
            f"{{{{ {name} }}}} is no placeholder's name",
            span=span,
            hint="a name is letters, digits and _, e.g. {{ deployment_name }}; templates of other tools are not run",
        )
    return PlaceholderUse(name, span, inside, quote)


def substitute(text: str, places: tuple[PlaceholderUse, ...], values: Mapping[str, PlaceholderValue]) -> str:
    """The statement with every placeholder replaced. Raises PlaceholderError naming those without a (usable) value."""
    missing = tuple(dict.fromkeys((p.name, p.span.start) for p in places if p.name not in values))
    if missing:
        names = tuple(dict.fromkeys(name for name, _ in missing))
        first = next(p for p in places if p.name not in values)
        some = " ".join(f"-v {name}=.." for name in names)
        raise PlaceholderError(
            f"no value for {', '.join(names)}",
            missing=missing,
            span=first.span,
            hint=f"give it: {some}, or --vars FILE",
        )
    parts: list[str] = []
    end = 0
    for place in places:
        parts += (text[end : place.span.start], render_value(place, values[place.name]))
        end = place.span.end
    return "".join((*parts, text[end:]))


def render_value(place: PlaceholderUse, value: PlaceholderValue) -> str:
    """A value as it must stand in that place. Raises PlaceholderError if it cannot."""
    if place.context == "bare":
        return _render_bare_value(place, value)
    text = value if isinstance(value, str) else _json(value)
    if "{{" in text and "}}" in text:
        raise PlaceholderError(f"the value of {place.name} holds a placeholder itself", span=place.span)
    if place.context == "json":
        text = json.dumps(text, ensure_ascii=False)[1:-1]
    return text.replace(place.quote, place.quote * 2)


def _render_bare_value(place: PlaceholderUse, value: PlaceholderValue) -> str:
    text = value.strip() if isinstance(value, str) else _json(value)
    if _BARE.fullmatch(text):
        return text
    raise PlaceholderError(
        f"{{{{ {place.name} }}}} stands outside quotes and takes a number, true, false or null, not {text!a}",
        span=place.span,
        hint=f"write '{{{{ {place.name} }}}}' in quotes for text",
    )


def _json(value: PlaceholderValue) -> str:
    return json.dumps(value)
