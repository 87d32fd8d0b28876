r"""`{{ name }}` in a statement: found by the lexer, filled so that a value cannot break out of its place.

A value is a token of its own. Outside quotes only a JSON number, true, false or null is accepted, and it can be written only
where a parameter marker can. Inside quotes a value is text of the string or the name. Inside JSON in quotes it is the inside of
a JSON string, or one whole value without an object in it; JSON is what is given to `@@json` or to a function that reads JSON,
and a text that is JSON and is the value of an argument or a column of a change. Any other text that begins with a bracket is
text. `{{{{ name }}}}` in quotes is the text `{{ name }}`.

A filled statement has tokens and a text. The tokens go to the parser; the text is what people see, what errors point into and
what the history keeps: filled again, without any value, it gives the same tokens.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import index as to_index
from typing import Any, SupportsIndex

from tokensh._dataclasses import dataclass, replace
from tokensh.errors import PlaceholderError, Span
from tokensh.sql.lexer import Token, new_token
from tokensh.sql.numbers import explain_duration, suggest_number
from tokensh.sql.parameters import to_plain, write_json
from tokensh.sql.script import StatementText, find_verb

# The value of a placeholder: text from `--var`, or a scalar of a vars file.
PlaceholderValue = str | int | float | bool | None

_IN_QUOTES = r"\{\{([^{}]*)\}\}"
_NAME = r"[^\W\d][\w.-]*"
_BARE_VALUE = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null"
_NUMBERED = r"\{\{[^{}]*\}\}|\$([1-9][0-9]{0,3})(?![0-9])"
_JSON_QUOTE = r'\\[\s\S]|"'
_JOINS_BEFORE = r"[\w$.@:#'\"`}]\Z"
_JOINS_AFTER = r"[\w$.'\"`{]"
# Functions whose first argument is read as JSON (of json_patch both are).
_JSON_READERS = "(?i)jsonb?(?:_(?:array_length|each|error_position|extract\\w*|insert|patch|pretty|remove|replace|set|tree|type|valid))?"
_CLAUSES = frozenset(
    [
        "SELECT",
        "FROM",
        "WHERE",
        "ON",
        "USING",
        "HAVING",
        "GROUP",
        "ORDER",
        "LIMIT",
        "SET",
        "VALUES",
        "RETURNING",
        "INSERT",
        "UPDATE",
        "REPLACE",
        "DELETE",
        "EXEC",
    ]
)
_VALUE_CLAUSES = frozenset(("SELECT", "SET", "VALUES"))
_CHANGES = frozenset(("INSERT", "UPDATE", "REPLACE", "EXEC"))


@dataclass(frozen=True, slots=True)
class PlaceholderUse:
    """One use of a placeholder.

    `context` is where it is: 'bare' (outside quotes), 'string', 'name' (a quoted name), 'json' (a JSON string in quotes), 'json
    value' (elsewhere in JSON) or 'json text' (JSON of which it is all). `quote` is the quote character around it, if any.
    """

    name: str
    span: Span
    context: str
    quote: str = ""


_Part = str | PlaceholderUse


def find_placeholders(tokens: Sequence[Token]) -> tuple[PlaceholderUse, ...]:
    """Return the placeholders of a statement, in order. Raises PlaceholderError for an invalid name."""
    return tuple(part for _, parts in _read_templates(tokens) for part in parts if isinstance(part, PlaceholderUse))


_PartReader = Callable[[str, int, str, str], "list[_Part]"]


def _read_templates(
    tokens: Sequence[Token], read_parts: _PartReader | None = None
) -> Iterator[tuple[Token, list[_Part]]]:
    """Yield the tokens that hold placeholders or escaped braces, each with its parts: text, and placeholders."""
    read_parts = read_parts or _read_parts
    json_uses: set[int] | None = None
    for token in tokens:
        kind, text, start, _ = token
        if kind == "PLACEHOLDER":
            yield token, [_make_use(text[2:-2], token.span, "bare")]
        elif kind in ("STRING", "QUOTED_NAME", "JSON_OBJECT") and ("{{" in text or "$" in text):
            quote = "" if kind == "JSON_OBJECT" else text[0]
            content = text[1:-1] if quote else text
            parts = read_parts(content, start + len(quote), "name" if kind == "QUOTED_NAME" else "string", quote)
            if parts == [content]:
                continue
            if kind == "STRING" and json_uses is None:
                json_uses = set(_find_json_uses(tokens, read_parts))
            if kind == "JSON_OBJECT" or (json_uses and start in json_uses):
                parts = _read_as_json(parts, quote)
            yield token, parts


def _read_parts(content: str, offset: int, context: str, quote: str) -> list[_Part]:
    """Return the parts of what stands in quotes; `{{{{ x }}}}` gives the text `{{ x }}`."""
    parts: list[_Part] = []
    end = 0
    for match in re.finditer(_IN_QUOTES, content):
        before, behind = _count_braces(content, match, end)
        if before >= 2 and behind >= 2:
            parts += (content[end : match.start() - 2], match.group())
            end = match.end() + 2
            continue
        span = Span(offset + match.start(), offset + match.end())
        parts += (content[end : match.start()], _make_use(match.group(1), span, context, quote))
        end = match.end()
    parts.append(content[end:])
    return [part for part in parts if part]


def _count_braces(content: str, match: re.Match[str], begin: int) -> tuple[int, int]:
    """Return how many further braces open before a placeholder, from `begin` on, and close behind it."""
    opening, closing = match.span()
    while opening > begin and content[opening - 1] == "{":
        opening -= 1
    while closing < len(content) and content[closing] == "}":
        closing += 1
    return match.start() - opening, closing - match.end()


def _read_as_json(parts: list[_Part], quote: str) -> list[_Part]:
    """Return parts whose placeholders know what they are in the JSON around them."""
    if len(parts) == 1:
        return [replace(part, context="json text") if isinstance(part, PlaceholderUse) else part for part in parts]
    in_string = False
    read: list[_Part] = []
    for part in parts:
        if isinstance(part, PlaceholderUse):
            read.append(replace(part, context="json" if in_string else "json value"))
            continue
        for match in re.finditer(_JSON_QUOTE, part.replace(quote * 2, quote) if quote else part):
            in_string ^= match.group() == '"'
        read.append(part)
    return read


def _find_json_uses(tokens: Sequence[Token], read_parts: _PartReader) -> Iterator[int]:
    """Yield where the strings begin that are read as JSON."""
    # The open parentheses: the name before each, and how many commas have been read in it.
    calls: list[tuple[str, int]] = []
    clause = ""
    is_change = find_verb(tokens) in _CHANGES
    for number, token in enumerate(tokens):
        before = tokens[number - 1] if number else token
        match token.text:
            case "(":
                calls.append((before.text.upper() if before.kind == "NAME" else "", 0))
            case ")" if calls:
                calls.pop()
            case "," if calls:
                calls[-1] = calls[-1][0], calls[-1][1] + 1
            case word if token.kind == "NAME" and word.upper() in _CLAUSES:
                clause = word.upper()
        if token.kind != "STRING":
            continue
        following = tokens[number + 1].text if number + 1 < len(tokens) else ""
        owner = tokens[number - 2].kind if number > 1 and before.text == "=" else ""
        name, argument = calls[-1] if calls else ("", 0)
        is_read = following in ("->", "->>") or (
            re.fullmatch(_JSON_READERS, name) is not None and (argument == 0 or name.endswith("PATCH"))
        )
        is_value = owner == "PARAMETER" or (
            is_change and clause in _VALUE_CLAUSES and (not name or name in _CLAUSES) and _is_alone(before, following)
        )
        if owner == "JSON_PARAMETER" or ((is_read or is_value) and _is_json(token, read_parts)):
            yield token.start


def _is_alone(before: Token, following: str) -> bool:
    """Return True if a string is a whole value of a row or an assignment, not an operand."""
    return before.text.upper() in ("(", ",", "=", "SELECT", "DISTINCT", "ALL") and (
        following in ("", ",", ")") or following[0].isalpha()
    )


def _is_json(token: Token, read_parts: _PartReader) -> bool:
    """Return True if a string is a JSON object or array, whatever the values in it."""
    parts = _read_as_json(read_parts(token.text[1:-1], token.start + 1, "string", "'"), "'")
    samples = {"json": "x", "json value": "0"}
    probe = "".join(samples.get(part.context, "") if isinstance(part, PlaceholderUse) else part for part in parts)
    try:
        return isinstance(json.loads(re.sub(_IN_QUOTES, "0", probe).replace("''", "'")), (dict, list))
    except (ValueError, RecursionError):
        return False


def _make_use(name: str, span: Span, context: str, quote: str = "") -> PlaceholderUse:
    name = name.strip()
    if not re.fullmatch(_NAME, name):
        raise PlaceholderError(
            f"invalid placeholder name: {name!r}",
            span=span,
            hint="a name is letters, digits and '_', as in {{ deployment_name }}; for the text itself write {{{{ ... }}}}; "
            "templates of other tools are not run",
        )
    return PlaceholderUse(name, span, context, quote)


def fill(statement: StatementText, values: Mapping[str, PlaceholderValue]) -> StatementText:
    """Return the statement, which has its tokens, with values in its placeholders.

    Raises:
        PlaceholderError: naming the placeholders without a value, or the one whose value does not fit its place.
    """
    templates = dict(_read_templates(statement.tokens))
    if not templates:
        return statement
    _check_missing([part for parts in templates.values() for part in parts], values)
    return _rebuild(statement, {token: _fill_token(token, parts, values) for token, parts in templates.items()})


def _rebuild(statement: StatementText, written: Mapping[Token, tuple[str, str]]) -> StatementText:
    """Return the statement with other texts for some tokens: as the parser gets each, and as it is shown."""
    text: list[str] = []
    tokens: list[Token] = []
    # Where the old text is copied from, and how long the new one is.
    copied = length = 0
    for token in statement.tokens:
        gap = statement.text[copied : token.start]
        filled, shown = written.get(token) or (token.text, token.text)
        if shown is not token.text and token.kind in ("PLACEHOLDER", "NAME"):
            # Read again, the value must not merge with what is before and after it.
            before = gap or (text[-1] if text else "")
            shown = f"{' ' * bool(re.search(_JOINS_BEFORE, before))}{shown}"
            shown += " " * bool(re.compile(_JOINS_AFTER).match(statement.text, token.end))
        start = length + len(gap)
        text += (gap, shown)
        length = start + len(shown)
        tokens.append(new_token(Token, (token.kind, filled, start, length)))
        copied = token.end
    return replace(statement, text="".join((*text, statement.text[copied:])), tokens=tokens)


def fill_numbered(statement: StatementText, values: Sequence[str]) -> str:
    """Return the text of a statement, which has its tokens, with values for `$1`, `$2`, ...; `{{ name }}` stays.

    Outside quotes a value that is not a number is a text. Raises PlaceholderError.
    """
    by_name = {f"${number}": value for number, value in enumerate(values, 1)}
    written: dict[Token, tuple[str, str]] = {}
    for token, parts in _read_templates(statement.tokens, _read_numbered_parts):
        if token.kind != "PLACEHOLDER":
            quote = "" if token.kind == "JSON_OBJECT" else token.text[0]
            shown = "".join(
                escape_braces(render_value(part, by_name[part.name])) if isinstance(part, PlaceholderUse) else part
                for part in parts
            )
            written[token] = ("", f"{quote}{shown}{quote}")
    for token in statement.tokens:
        if token.kind == "NAME" and token.text in by_name:
            value = by_name[token.text]
            quoted = escape_braces(value).replace("'", "''")
            is_number = re.fullmatch(_BARE_VALUE, value) and value[-1].isdigit()
            written[token] = ("", f"'{quoted}'" if not is_number else f"({value})" if value[0] == "-" else value)
    return _rebuild(statement, written).text


def find_numbered(tokens: Sequence[Token]) -> int:
    """Return the highest number of a `$1`, `$2`, ... in a statement."""
    found = [
        int(number)
        for token in tokens
        if token.kind in ("STRING", "QUOTED_NAME", "JSON_OBJECT")
        or (token.kind == "NAME" and re.fullmatch(_NUMBERED, token.text))
        for number in re.findall(_NUMBERED, token.text)
        if number
    ]
    return max(found, default=0)


def _read_numbered_parts(content: str, offset: int, context: str, quote: str) -> list[_Part]:
    """Return the parts of what stands in quotes: `$1`, and text, which placeholders with names belong to."""
    parts: list[_Part] = []
    end = 0
    for match in re.finditer(_NUMBERED, content):
        if match.group(1):
            span = Span(offset + match.start(), offset + match.end())
            parts += (content[end : match.start()], PlaceholderUse(match.group(), span, context, quote))
            end = match.end()
    parts.append(content[end:])
    return [part for part in parts if part]


def _check_missing(parts: Iterable[_Part], values: Mapping[str, Any]) -> None:
    uses = [part for part in parts if isinstance(part, PlaceholderUse) and part.name not in values]
    if not uses:
        return
    missing = tuple(dict.fromkeys((use.name, use.span.start) for use in uses))
    names = tuple(dict.fromkeys(name for name, _ in missing))
    options = " ".join(f"-v {name}=..." for name in names)
    raise PlaceholderError(
        f"no value for {', '.join(names)}",
        missing=missing,
        span=uses[0].span,
        hint=f"give it: {options}, or --vars FILE",
    )


def _fill_token(token: Token, parts: list[_Part], values: Mapping[str, Any]) -> tuple[str, str]:
    """Return a token's text with the values in it: as the parser gets it, and as it is shown."""
    rendered = "".join(
        render_value(part, values[part.name]) if isinstance(part, PlaceholderUse) else part for part in parts
    )
    match token.kind:
        case "PLACEHOLDER":
            return rendered, f"({rendered})" if rendered.startswith("-") else rendered
        case "JSON_OBJECT":
            return rendered, escape_braces(rendered)
        case _:
            quote = token.text[0]
            return f"{quote}{rendered}{quote}", f"{quote}{escape_braces(rendered)}{quote}"


def escape_braces(text: str) -> str:
    """Return a text in which nothing is a placeholder: what would be one gets further braces."""
    pieces: list[str] = []
    end = 0
    for match in re.finditer(_IN_QUOTES, text):
        before, behind = _count_braces(text, match, end)
        begin, until = match.start() - before, match.end() + behind
        pieces += (text[end:begin], "{{", text[begin:until], "}}")
        end = until
    return "".join((*pieces, text[end:]))


def render_value(use: PlaceholderUse, value: Any) -> str:
    """Return a value as it must be written in the place of a placeholder. Raises PlaceholderError if it does not fit."""
    match use.context:
        case "bare":
            return _render_bare_value(use, value)
        case "json value" | "json text":
            text = _render_json_value(use, value)
        case "json":
            text = json.dumps(_to_text(use, value), ensure_ascii=False)[1:-1]
        case _:
            text = _to_text(use, value)
    return text.replace(use.quote, use.quote * 2) if use.quote else text


def _to_text(use: PlaceholderUse, value: Any) -> str:
    """Return the text of a value; of a date or a time what SQLite's functions read."""
    from datetime import date, datetime, time  # noqa: PLC0415 (loaded only for statements with placeholders)
    from decimal import Decimal  # noqa: PLC0415

    value = to_plain(value)
    match value:
        case str():
            return value
        case None | bool() | float():
            return json.dumps(value + 0.0 if isinstance(value, float) else value)
        case list() | dict():
            try:
                return write_json(value)
            except (TypeError, ValueError) as error:
                raise PlaceholderError(
                    f"the value for {use.name} cannot be written as JSON: {error}", span=use.span
                ) from None
        case SupportsIndex():
            return str(to_index(value))
        case datetime():
            return value.isoformat(" ")
        case date() | time():
            return value.isoformat()
        case Decimal():
            return str(value)
        case _:
            raise PlaceholderError(f"a value of {type(value).__name__} cannot be given for {use.name}", span=use.span)


def _render_bare_value(use: PlaceholderUse, value: Any) -> str:
    text = _to_text(use, value).strip()
    if re.fullmatch(_BARE_VALUE, text):
        digits = text.removeprefix("-")
        if digits.isdecimal() and (len(digits) > 19 or not -(2**63) <= int(text) < 2**63):
            raise PlaceholderError(f"the value for {use.name} has more than 64 bits", span=use.span)
        return text
    if not isinstance(value, (str, float)) and hasattr(value, "isoformat"):
        return f"'{text}'"
    raise PlaceholderError(
        f"{{{{ {use.name} }}}} is outside quotes: its value must be a number, true, false or null, not {text!a}",
        span=use.span,
        hint=_explain_number(use, text) or f"write '{{{{ {use.name} }}}}' in quotes for text",
    )


def _render_json_value(use: PlaceholderUse, value: Any) -> str:
    text = _to_text(use, value).strip()
    try:
        json.loads(
            text,
            object_hook=None if use.context == "json text" else _refuse,
            parse_constant=_refuse,
        )
    except (ValueError, RecursionError):
        kinds = "JSON" if use.context == "json text" else "a number, true, false, null, or a list or text as JSON"
        raise PlaceholderError(
            f"{{{{ {use.name} }}}} is a value in JSON: it must be {kinds}, not {text!a}",
            span=use.span,
            hint=_explain_number(use, text) or f'write "{{{{ {use.name} }}}}" in double quotes for text',
        ) from None
    return text


def _refuse(_: object) -> None:
    raise ValueError


def _explain_number(use: PlaceholderUse, text: str) -> str | None:
    """Return which number a text was probably meant to be."""
    duration = explain_duration(text)
    if duration is None:
        return suggest_number(text)
    return f"a number of seconds: {duration.removesuffix(' seconds')}" if "second" in use.name.lower() else duration
