"""Suggestions inside the JSON of `@@json=`: the attributes of the method's body, and values that are known."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from tokensh._dataclasses import dataclass
from tokensh.complete import values
from tokensh.complete.columns import describe_parameter
from tokensh.complete.cursor_context import CursorContext
from tokensh.complete.model import Candidate, Facts, Suggestion, format_note
from tokensh.complete.outline import Outline
from tokensh.complete.rank import rank
from tokensh.provider.model import Method, Parameter

# The JSON is unfinished, so that json.loads cannot read it. A string that is still open ends with the text: an expression that
# asks for the closing quote would look for it anew at each quote of a long text.
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)\\?(?:(")(?=(\s*:)?)|\Z)', re.DOTALL)
# Characters of a body that are examined, the last ones before the cursor.
_LONGEST_BODY = 20_000


@dataclass(frozen=True, slots=True)
class _Slot:
    """What is open at the end of the JSON: a value (of `key`) or a key; `quoted` if its quotes are open already."""

    key: str | None
    quoted: bool
    typed: str


def suggest_in_body(context: CursorContext, method: Method, outline: Outline, facts: Facts) -> list[Suggestion]:
    """Return the suggestions inside a method's JSON body."""
    content = context.typed[-_LONGEST_BODY:]
    if context.quote:
        content = content.replace("''", "'")
    slot = _find_slot(content)
    if slot is None:
        return []
    written = {string[1] for text in (content, context.rest_of_line) for string in _STRING.finditer(text) if string[3]}
    missing = [attribute for attribute in method.body if attribute.name not in written]
    if slot.key is None:
        candidates = list(_key_candidates(missing))
    else:
        candidates = values.known_values(slot.key, facts, outline.tokens, slot.typed)
    start = context.cursor - len(slot.typed.replace("'", "''") if context.quote else slot.typed)
    return [
        Suggestion(
            _insertion(candidate, slot, context, missing),
            start,
            candidate.display or candidate.name,
            candidate.kind,
            candidate.note,
        )
        for candidate in rank(slot.typed, candidates)
    ]


def _find_slot(content: str) -> _Slot | None:
    strings = list(_STRING.finditer(content))
    outside = _STRING.sub("", content)
    if sum(outside.count(c) for c in "{[") - sum(outside.count(c) for c in "}]") != 1:
        return None
    unfinished = strings.pop() if strings and not strings[-1][2] else None
    typed = unfinished[1] if unfinished else ""
    # What stands between the last whole string and what is typed.
    gap = content[strings[-1].end() if strings else 0 : unfinished.start() if unfinished else None].strip()
    if strings and gap == ":":
        return _Slot(strings[-1][1], quoted=unfinished is not None, typed=typed)
    if gap.endswith(("{", ",")) and (unfinished or not gap.startswith(":")):
        return _Slot(None, quoted=unfinished is not None, typed=typed)
    return None


def _key_candidates(missing: list[Parameter]) -> Iterator[Candidate]:
    for attribute in sorted(missing, key=lambda p: not p.required):
        note = format_note("required" if attribute.required else None, describe_parameter(attribute))
        # A text that ends with `:` marks a value without quotes, for `_insertion`.
        text = attribute.name if attribute.type == "string" else f"{attribute.name}:"
        yield Candidate(attribute.name, "attribute", note, text, attribute.required)


def _insertion(candidate: Candidate, slot: _Slot, context: CursorContext, missing: list[Parameter]) -> str:
    rest = context.rest_of_line
    opening = "" if slot.quoted else '"'
    if slot.quoted and rest.startswith('"'):
        return _escape(candidate.name, context)
    if slot.key is None:
        separator = '": ' if candidate.text.endswith(":") else '": "'
        return f"{opening}{candidate.name}{separator}"
    closing = '"'
    if not rest.strip() and not any(p.required and p.name != slot.key for p in missing):
        closing += "}" + context.quote
    return f"{opening}{_escape(candidate.name, context)}{closing}"


def _escape(value: str, context: CursorContext) -> str:
    text = json.dumps(value, ensure_ascii=False)[1:-1]
    return text.replace("'", "''") if context.quote else text


def open_body(method: Method) -> Candidate | None:
    """Return the beginning of a body, up to where its first value is typed; None for a method without attributes."""
    first = next((p for p in method.body if p.required), next(iter(method.body), None))
    if first is None:
        return None
    quote = '"' if first.type == "string" else ""
    text = f"""'{{"{first.name}": {quote}"""
    return Candidate(text, "value", format_note("the body", first.name), first=True, looseness=0)
