"""Secrets out of every text that is not the one cell a person asked for.

A `Redactor` stands before the error stream, logs, the history and the journal. It knows a secret by its key
(`token_value`), by its shape (`dapi` and hexadecimal digits, a bearer, a JSON web token) and by its value, once `learn` was
told: also where that value is written in base64, URL-quoted or in hexadecimal digits, broken into lines, or cut short.
"""

from __future__ import annotations

import base64
import json
import os
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote, quote_plus

MASK = "[hidden]"
"""What stands in a secret's place; it keeps nothing of the value."""

SECRET_FIELDS = frozenset(
    {"token_value", "access_token", "refresh_token", "id_token", "token", "password", "client_secret", "authorization"}
)
"""Names, in lower case, of fields whose value is a secret."""

_SECRET_VARIABLES = ("DATABRICKS_TOKEN", "DATABRICKS_CLIENT_SECRET", "DATABRICKS_PASSWORD", "ARM_CLIENT_SECRET")
_SHORTEST_SECRET = 8
"""Shorter values are not learned: words of ordinary text would vanish."""
_STEM_LENGTH = 16
"""So many characters of a secret's start are hidden too: a message may have been cut short before it comes here."""

# After "Bearer" stands either a credential or, in prose, a word in small letters ("bearer authentication").
_CREDENTIAL = r"(?![a-z]{1,19}(?![\w.~+/=-]))([\w.~+/=-]{8,})"
_KEYS = "|".join(sorted(SECRET_FIELDS))
_SHAPES = tuple(
    re.compile(pattern, flags)
    for pattern, flags in (
        (r"(?:dapi|dose)(?:(?!dapi|dose)[0-9a-f]){8,}(?:-\d+)?", re.IGNORECASE),
        (rf"(?i:\b(?:bearer|basic)\s+){_CREDENTIAL}", re.ASCII),
        (rf'"(?:{_KEYS})\\*"\s*:\s*\\*"((?:[^"\\]|\\.)+)', re.IGNORECASE | re.DOTALL),
        (rf"""\b(?:{_KEYS})=['"]?([^\s&'"]+)""", re.IGNORECASE),
    )
)
_DOTTED = re.compile(r"[\w.-]+", re.ASCII)

_Ranges = Iterator[tuple[int, int]]


def _base64_spellings(secret: bytes) -> Iterator[str]:
    """The base64 digits that the secret alone decides, wherever it stands in the encoded bytes."""
    for offset, foreign in ((0, 0), (1, 2), (2, 3)):
        digits = base64.b64encode(bytes(offset) + secret).decode()
        core = digits[foreign : (offset + len(secret)) * 8 // 6]
        yield core
        yield core.replace("+", "-").replace("/", "_")


def _spellings(secret: str) -> Iterator[str]:
    """A secret and the ways it is written elsewhere."""
    raw = secret.encode("utf-8", "surrogatepass")
    yield secret
    yield json.dumps(secret)[1:-1]
    yield quote(raw, safe="")
    yield quote_plus(raw)
    yield raw.hex()
    yield raw.hex().upper()
    yield from _base64_spellings(raw)


def _find_web_tokens(text: str) -> _Ranges:
    """Where JSON web tokens (`eyJ..` `.eyJ..`) stand; linear in the text, which one pattern for it would not be."""
    if ".eyJ" not in text:
        return
    for run in _DOTTED.finditer(text):
        start = run.group().find("eyJ")
        if start >= 0 and run.group().find(".eyJ", start) > 0:
            yield run.start() + start, run.end()


def _without_whitespace(text: str) -> str:
    return "".join(text.split())


def _find_spellings(text: str, forms: Iterable[str]) -> _Ranges:
    """Where forms, which hold no white space, stand in a text: broken into lines or words, or cut short by what shows it."""
    squeezed = _without_whitespace(text)
    found = [form for form in forms if form[:_STEM_LENGTH] in squeezed]
    places = [at for at, character in enumerate(text) if not character.isspace()] if found else []
    for form in found:
        at = squeezed.find(form[:_STEM_LENGTH])
        while at >= 0:
            shown = os.path.commonprefix([form, squeezed[at : at + len(form)]])  # noqa: RUF071 (of texts)
            yield places[at], places[at + len(shown) - 1] + 1
            at = squeezed.find(form[:_STEM_LENGTH], at + 1)


def _mask_ranges(text: str, ranges: list[tuple[int, int]]) -> str:
    """The text with the ranges, which may overlap, masked."""
    pieces: list[str] = []
    done = 0
    for start, end in sorted(ranges):
        if start >= done:
            pieces += (text[done:start], MASK)
        done = max(done, end)
    return "".join((*pieces, text[done:]))


class Redactor:
    """Removes secrets from text; may be used from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spellings: list[str] = []
        self._learned: set[str] = set()

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> Redactor:
        """One that knows the secrets of the environment's variables, whether they are used or not."""
        made = cls()
        for name in _SECRET_VARIABLES:
            made.learn(variables.get(name, ""))
        return made

    def __repr__(self) -> str:
        return f"<Redactor: {len(self._learned)} secrets>"

    def learn(self, secret: str) -> None:
        """Hide this value from now on, surrounding blanks aside; values of less than 8 characters are ignored."""
        secret = secret.strip()
        if len(_without_whitespace(secret)) < _SHORTEST_SECRET:
            return
        with self._lock:
            if secret not in self._learned:
                self._learned.add(secret)
                self._spellings += dict.fromkeys(map(_without_whitespace, _spellings(secret)))

    def clean(self, text: str) -> str:
        """The text with each secret replaced by `[hidden]`."""
        ranges = list(_find_web_tokens(text))
        for shape in _SHAPES:
            ranges += (found.span(found.lastindex or 0) for found in shape.finditer(text))
        ranges += _find_spellings(text, self._spellings)
        return _mask_ranges(text, ranges) if ranges else text
