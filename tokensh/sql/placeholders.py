r"""`{{ name }}` in a statement: found by the lexer, filled so that a value cannot break out of its place.

Inside quotes a value is text: its quotes are doubled, and inside a JSON string inside quotes it is escaped for both. Outside
quotes only a JSON number, true, false or null is accepted. A value that holds a placeholder itself is refused, so that filling
is done once and its result does not depend on an order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from tokensh._dataclasses import dataclass, replace
from tokensh.errors import PlaceholderError, Span
from tokensh.sql.lexer import Token
from tokensh.sql.script import StatementText

# The value of a placeholder: text from `--var`, or a scalar of a vars file.
PlaceholderValue = str | int | float | bool | None

_IN_QUOTES = re.compile(r"\{\{([^{}]*)\}\}")
_NAME = re.compile(r"[^\W\d][\w.-]*")
_BARE_VALUE = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null")
_JSON_QUOTE = re.compile(r'(?<!\\)(?:\\\\)*"')


@dataclass(frozen=True, slots=True)
class PlaceholderUse:
    """One use of a placeholder.

    `context` is where it is: 'bare' (outside quotes), 'string', 'name' (a quoted name) or 'json' (a JSON string in quotes).
    `quote` is the quote character around it, if any.
    """

    name: str
    span: Span
    context: str
    quote: str = ""


def find_placeholders(tokens: Iterable[Token]) -> tuple[PlaceholderUse, ...]:
    """Return the placeholders of a statement, in order. Raises PlaceholderError for an invalid name."""
    uses: list[PlaceholderUse] = []
    for token in tokens:
        if token.kind == "PLACEHOLDER":
            uses.append(_make_use(token.text[2:-2].strip(), token.span, "bare"))
        elif token.kind in ("STRING", "QUOTED_NAME") and "{{" in token.text:
            uses.extend(_find_in_quotes(token))
    return tuple(uses)


def _find_in_quotes(token: Token) -> Iterator[PlaceholderUse]:
    for match in _IN_QUOTES.finditer(token.text):
        if token.kind == "QUOTED_NAME":
            context = "name"
        else:
            context = "json" if _is_in_json_string(token.text[1 : match.start()]) else "string"
        span = Span(token.start + match.start(), token.start + match.end())
        yield _make_use(match.group(1).strip(), span, context, token.text[0])


def _is_in_json_string(before: str) -> bool:
    """Return True if the text before a placeholder begins a JSON object or array and leaves a string open."""
    return before.lstrip().startswith(("{", "[")) and len(_JSON_QUOTE.findall(before)) % 2 == 1


def _make_use(name: str, span: Span, context: str, quote: str = "") -> PlaceholderUse:
    if not _NAME.fullmatch(name):
        raise PlaceholderError(
            f"invalid placeholder name: {name!r}",
            span=span,
            hint="a name is letters, digits and '_', as in {{ deployment_name }}; templates of other tools are not run",
        )
    return PlaceholderUse(name, span, context, quote)


def fill(statement: StatementText, values: Mapping[str, PlaceholderValue]) -> StatementText:
    """Return the statement, which has its tokens, with values in its placeholders. Raises PlaceholderError."""
    uses = find_placeholders(statement.tokens)
    if not uses:
        return statement
    return replace(statement, text=substitute(statement.text, uses, values), tokens=())


def substitute(text: str, uses: Sequence[PlaceholderUse], values: Mapping[str, PlaceholderValue]) -> str:
    """Return the text with every placeholder replaced.

    Raises:
        PlaceholderError: naming the placeholders without a value, or the one whose value does not fit its place.
    """
    missing = tuple(dict.fromkeys((use.name, use.span.start) for use in uses if use.name not in values))
    if missing:
        names = tuple(dict.fromkeys(name for name, _ in missing))
        options = " ".join(f"-v {name}=..." for name in names)
        raise PlaceholderError(
            f"no value for {', '.join(names)}",
            missing=missing,
            span=next(use.span for use in uses if use.name not in values),
            hint=f"give it: {options}, or --vars FILE",
        )
    parts: list[str] = []
    end = 0
    for use in uses:
        parts += (text[end : use.span.start], render_value(use, values[use.name]))
        end = use.span.end
    return "".join((*parts, text[end:]))


def render_value(use: PlaceholderUse, value: PlaceholderValue) -> str:
    """Return a value as it must be written in the place of a placeholder. Raises PlaceholderError if it does not fit."""
    if use.context == "bare":
        return _render_bare_value(use, value)
    text = value if isinstance(value, str) else json.dumps(value)
    if "{{" in text and "}}" in text:
        raise PlaceholderError(f"the value of {use.name} contains a placeholder", span=use.span)
    if use.context == "json":
        text = json.dumps(text, ensure_ascii=False)[1:-1]
    return text.replace(use.quote, use.quote * 2)


def _render_bare_value(use: PlaceholderUse, value: PlaceholderValue) -> str:
    text = value.strip() if isinstance(value, str) else json.dumps(value)
    if _BARE_VALUE.fullmatch(text):
        return text
    raise PlaceholderError(
        f"{{{{ {use.name} }}}} is outside quotes: its value must be a number, true, false or null, not {text!a}",
        span=use.span,
        hint=f"write '{{{{ {use.name} }}}}' in quotes for text",
    )
