"""Inside the JSON of `@@json=`: attributes of the method's body and values that are known."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from tokensh._dataclasses import dataclass, replace
from tokensh.complete import values
from tokensh.complete.columns import parameter_note
from tokensh.complete.cursor_context import CursorContext
from tokensh.complete.model import Candidate, Facts, Suggestion, note
from tokensh.complete.outline import Outline
from tokensh.complete.rank import ranked
from tokensh.provider.model import Method, Parameter

_TEXT = r'(?:[^"\\]|\\.)*'
_STRING = re.compile(f'"{_TEXT}"', re.DOTALL)
_VALUE = re.compile(f'"({_TEXT})"\\s*:\\s*(")?({_TEXT})\\Z', re.DOTALL)
_KEY = re.compile(f'[{{,]\\s*(")?({_TEXT})\\Z', re.DOTALL)
_GIVEN = re.compile(f'"({_TEXT})"\\s*:')
_LONGEST = 20_000
"""Characters of a body that are looked at."""


@dataclass(frozen=True, slots=True)
class _Slot:
    """What is open at the end of the JSON: a value (of `key`) or a key, `quoted` if its quotes are open already."""

    key: str | None
    quoted: bool
    typed: str


def suggestions(place: CursorContext, method: Method, found: Outline, facts: Facts) -> list[Suggestion]:
    """The suggestions inside a method's JSON body."""
    content = place.typed[-_LONGEST:].replace("''", "'") if place.quote else place.typed[-_LONGEST:]
    slot = _slot(content)
    if slot is None:
        return []
    written = set(_GIVEN.findall(content)) | set(_GIVEN.findall(place.following))
    missing = [p for p in method.body if p.name not in written]
    chosen = _values(slot, found, facts) if slot.key is not None else _keys(missing)
    start = place.cursor - len(slot.typed.replace("'", "''") if place.quote else slot.typed)
    return [
        Suggestion(_text(one, slot, place, missing), start, one.name, one.kind, one.note)
        for one in ranked(slot.typed, chosen)
    ]


def _slot(content: str) -> _Slot | None:
    if _depth(content) != 1:
        return None
    value = _VALUE.search(content)
    if value:
        key, quote, typed = value.groups()
        return _Slot(key, quoted=bool(quote), typed=typed) if quote or not typed.strip() else None
    key_ = _KEY.search(content)
    if not key_ or (not key_[1] and key_[2].strip()):
        return None
    return _Slot(None, quoted=bool(key_[1]), typed=key_[2] if key_[1] else "")


def _depth(content: str) -> int:
    """How many objects and arrays are open at the end."""
    outside = _STRING.sub("", content)
    outside = outside[: outside.find('"')] if '"' in outside else outside
    return sum(outside.count(c) for c in "{[") - sum(outside.count(c) for c in "}]")


def _values(slot: _Slot, found: Outline, facts: Facts) -> Iterator[Candidate]:
    yield from values.candidates(slot.key or "", facts, found.tokens, slot.typed)


def _keys(missing: list[Parameter]) -> Iterator[Candidate]:
    for one in sorted(missing, key=lambda p: not p.required):
        text = note("required" if one.required else None, parameter_note(one))
        yield Candidate(one.name, "attribute", text, one.name if one.type == "string" else f"{one.name}:", one.required)


def _text(one: Candidate, slot: _Slot, place: CursorContext, missing: list[Parameter]) -> str:
    following = place.following
    opening = "" if slot.quoted else '"'
    if slot.quoted and following.startswith('"'):
        return _escaped(one.name, place)
    if slot.key is None:
        behind = '": ' if one.text.endswith(":") else '": "'
        return f"{opening}{one.name}{behind}"
    end = '"'
    if not following.strip() and not any(p.required and p.name != slot.key for p in missing):
        end += "}" + place.quote
    return f"{opening}{_escaped(one.name, place)}{end}"


def _escaped(value: str, place: CursorContext) -> str:
    text = json.dumps(value, ensure_ascii=False)[1:-1]
    return text.replace("'", "''") if place.quote else text


def opening(method: Method) -> Candidate | None:
    """The beginning of a body, up to where its first value is typed."""
    first = next((p for p in method.body if p.required), next(iter(method.body), None))
    if first is None:
        return None
    quote = '"' if first.type == "string" else ""
    text = f"""'{{"{first.name}": {quote}"""
    return replace(Candidate(text, "value", note("the body", first.name), first=True), loose=0)
