"""Remove secrets from every text but the one cell that RETURNING asked for.

All text for the error stream, logs, the history, the store and the journal passes through `Redactor.clean`. It guarantees:

- A value given to `learn` (8 characters or more) never comes through: neither as it is, nor JSON-escaped, URL-quoted, in
  hexadecimal digits or in base64 at any offset, nor with white space in between, nor cut short after 16 characters or more.
- A value that was never learned is recognised by its shape (`dapi` or `dose` and hexadecimal digits, after `Bearer` or
  `Basic`, a JSON web token) and by its key (`"token_value": "..."`, `password=...`).
- Other text stays as it is, and the time is linear in the text for each learned secret.

What it cannot recognise are transformations that hide the value (encryption, another base, reversal) and secrets of less than
8 characters. The property tests in tests/test_redact.py state each of these promises.
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
"""The replacement of a secret; it reveals nothing of the value, not even its length."""

SECRET_FIELDS = frozenset(
    {"token_value", "access_token", "refresh_token", "id_token", "token", "password", "client_secret", "authorization"}
)
"""The fields whose values are secrets, in lower case."""

_SECRET_VARIABLES = ("DATABRICKS_TOKEN", "DATABRICKS_CLIENT_SECRET", "DATABRICKS_PASSWORD", "ARM_CLIENT_SECRET")
_SHORTEST_SECRET = 8
"""Shorter values are not learned, or words of ordinary text would disappear."""
_STEM_LENGTH = 16
"""The start of a secret that is hidden even without the rest: a message may have been cut short before it comes here."""

# After "Bearer" comes either a credential or, in prose, a word in small letters ("bearer authentication").
_CREDENTIAL = r"(?![a-z]{1,19}(?![\w.~+/=-]))([\w.~+/=-]{8,})"
_KEYS = "|".join(sorted(SECRET_FIELDS))
_SHAPES = (
    ("", r"(?i)(?:dapi|dose)(?:(?!dapi|dose)[0-9a-f]){8,}(?:-\d+)?"),
    ("", rf"(?a)(?i:\b(?:bearer|basic)\s+){_CREDENTIAL}"),
    ('"', rf'(?is)"(?:{_KEYS})\\*"\s*:\s*\\*"((?:[^"\\]|\\.)+)'),
    ("=", rf"""(?i)\b(?:{_KEYS})=['"]?([^\s&'"]+)"""),
)
"""The shapes of secrets, each after a character that every text of the shape has: most texts lack it, and are looked at faster."""
_DOTTED = r"(?a)[\w.-]+"

_Ranges = Iterator[tuple[int, int]]


def _base64_spellings(secret: bytes) -> Iterator[str]:
    """Yield the base64 digits that depend on the secret alone, for each alignment in the encoded bytes."""
    # 3 bytes make 4 digits, so there are 3 alignments; the first and last digits may hold bits of neighbouring bytes.
    for offset, foreign in ((0, 0), (1, 2), (2, 3)):
        digits = base64.b64encode(bytes(offset) + secret).decode()
        core = digits[foreign : (offset + len(secret)) * 8 // 6]
        yield core
        yield core.replace("+", "-").replace("/", "_")


def _spellings(secret: str) -> Iterator[str]:
    """Yield the secret and the other ways in which it is written."""
    raw = secret.encode("utf-8", "surrogatepass")
    yield secret
    yield json.dumps(secret)[1:-1]
    yield quote(raw, safe="")
    yield quote_plus(raw)
    yield raw.hex()
    yield raw.hex().upper()
    yield from _base64_spellings(raw)


def _find_web_tokens(text: str) -> _Ranges:
    """Yield the ranges of JSON web tokens (`eyJ...` then `.eyJ...`)."""
    # In two steps, because a single regular expression for both parts backtracks: quadratic in a long dotted text.
    if ".eyJ" not in text:
        return
    for run in re.finditer(_DOTTED, text):
        start = run.group().find("eyJ")
        if start >= 0 and run.group().find(".eyJ", start) > 0:
            yield run.start() + start, run.end()


def _without_whitespace(text: str) -> str:
    return "".join(text.split())


def _find_spellings(text: str, spellings: Iterable[str]) -> _Ranges:
    """Yield the ranges of spellings (without white space) in a text, even if broken into lines or cut short."""
    # Searching the text without its white space finds values that a terminal, an editor or base64 broke into lines.
    # `offsets` maps back to the text, and is built only if there is something to hide, which is rare.
    squeezed = _without_whitespace(text)
    present = [spelling for spelling in spellings if spelling[:_STEM_LENGTH] in squeezed]
    offsets = [at for at, character in enumerate(text) if not character.isspace()] if present else []
    for spelling in present:
        at = squeezed.find(spelling[:_STEM_LENGTH])
        while at >= 0:
            matching = os.path.commonprefix([spelling, squeezed[at : at + len(spelling)]])  # noqa: RUF071 (of texts)
            yield offsets[at], offsets[at + len(matching) - 1] + 1
            at = squeezed.find(spelling[:_STEM_LENGTH], at + 1)


def _mask_ranges(text: str, ranges: list[tuple[int, int]]) -> str:
    """Return the text with the ranges, which may overlap, replaced by the mask."""
    pieces: list[str] = []
    done = 0
    for start, end in sorted(ranges):
        if start >= done:
            pieces += (text[done:start], MASK)
        done = max(done, end)
    return "".join((*pieces, text[done:]))


class Redactor:
    """Remove secrets from text; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spellings: list[str] = []
        self._learned: set[str] = set()
        # Texts of ours, without white space.
        self._public: set[str] = set()

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> Redactor:
        """Return a redactor that has learned the secrets in the environment variables, whether they are used or not."""
        redactor = cls()
        for name in _SECRET_VARIABLES:
            redactor.learn(variables.get(name, ""))
        return redactor

    def __repr__(self) -> str:
        return f"<Redactor: {len(self._learned)} secrets>"

    def learn(self, secret: str) -> None:
        """Hide this value, without surrounding blanks, from now on; values of less than 8 characters are ignored."""
        secret = secret.strip()
        if len(_without_whitespace(secret)) < _SHORTEST_SECRET:
            return
        with self._lock:
            if secret not in self._learned:
                self._learned.add(secret)
                if not self._is_public(secret):
                    self._spellings += dict.fromkeys(map(_without_whitespace, _spellings(secret)))

    def allow(self, text: str) -> None:
        """Stop hiding learned secrets that are words of this text, which is public: a password may be `databricks`.

        Hidden, such a word would make a statement unusable that must be run, and tell nothing to those who know the text.
        """
        with self._lock:
            squeezed = _without_whitespace(text).lower()
            if squeezed in self._public:
                return
            self._public.add(squeezed)
            known = [secret for secret in self._learned if _without_whitespace(secret).lower() in squeezed]
            public = {_without_whitespace(spelling) for secret in known for spelling in _spellings(secret)}
            self._spellings = [spelling for spelling in self._spellings if spelling not in public]

    def _is_public(self, secret: str) -> bool:
        return any(_without_whitespace(secret).lower() in text for text in self._public)

    def clean(self, text: str) -> str:
        """Return the text with each secret replaced by `[hidden]`."""
        ranges = list(_find_web_tokens(text))
        for mark, shape in _SHAPES:
            if mark in text:
                # The last group of a shape is the secret, without the word or key before it.
                ranges += (match.span(match.lastindex or 0) for match in re.finditer(shape, text))
        ranges += _find_spellings(text, self._spellings)
        return _mask_ranges(text, ranges) if ranges else text
