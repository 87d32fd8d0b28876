"""Remove secrets from every text but the one cell that RETURNING asked for.

All text for the error stream, logs, the history, the store and the journal passes through `Redactor.clean`. It guarantees:

- A value given to `learn` (8 characters or more) never comes through: neither as it is, nor JSON-escaped, URL-quoted, in
  hexadecimal digits or in base64 at any offset, nor with white space in between, nor cut short after 16 characters or more.
- A value that was never learned is recognised by its shape (`dapi` or `dose` and hexadecimal digits, after `Bearer` or
  `Basic`, a JSON web token) and by its key (`"token_value": "..."`, `password=...`).
- Other text stays as it is, and the time is linear in the text, however many secrets were learned.

What it cannot recognise are transformations that hide the value (encryption, another base, reversal) and secrets of less than
8 characters. The property tests in tests/test_redact.py state each of these promises.
"""

from __future__ import annotations

import binascii
import json
import os
import re
import threading
from collections.abc import Iterator, Mapping
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
_FEW_STEMS = 100
"""Up to so many, looking for one after the other is faster than looking up each part of the text."""

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
        digits = binascii.b2a_base64(bytes(offset) + secret, newline=False).decode()
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


class _Spellings:
    """Finds spellings (without white space) in texts, even if broken into lines or cut short.

    However many there are, the time is linear in the text: they are looked up by their stems, in a table for each length that
    stems have. Texts may be searched while other threads change the tables.
    """

    def __init__(self) -> None:
        self._tables: dict[int, dict[str, tuple[str, ...]]] = {}

    def add(self, spelling: str) -> None:
        """Find this spelling from now on."""
        stem = spelling[:_STEM_LENGTH]
        table = self._tables.setdefault(len(stem), {})
        known = table.get(stem, ())
        if spelling not in known:
            table[stem] = (*known, spelling)

    def remove(self, spelling: str) -> None:
        """Find this spelling no more; one that is not known is ignored."""
        stem = spelling[:_STEM_LENGTH]
        table = self._tables.get(len(stem), {})
        kept = tuple(known for known in table.pop(stem, ()) if known != spelling)
        if kept:
            table[stem] = kept

    def find(self, text: str) -> _Ranges:
        """Yield the ranges of the spellings in a text."""
        # Searching the text without its white space finds values that a terminal, an editor or base64 broke into lines.
        # `offsets` maps back to the text, and is built only if there is something to hide, which is rare.
        squeezed = _without_whitespace(text)
        present = [item for item in list(self._tables.items()) if _holds_stem(squeezed, *item)]
        offsets = [at for at, character in enumerate(text) if not character.isspace()] if present else []
        for length, table in present:
            for at in range(len(squeezed) - length + 1):
                for spelling in table.get(squeezed[at : at + length], ()):
                    matching = os.path.commonprefix([spelling, squeezed[at : at + len(spelling)]])  # noqa: RUF071 (of texts)
                    yield offsets[at], offsets[at + len(matching) - 1] + 1


def _holds_stem(squeezed: str, length: int, table: Mapping[str, object]) -> bool:
    """Return whether a text has a stem of a table, all of whose stems have this length."""
    if len(table) <= _FEW_STEMS:
        return any(stem in squeezed for stem in list(table))
    starts, ends = range(len(squeezed) - length + 1), range(length, len(squeezed) + 1)
    return not table.keys().isdisjoint(map(squeezed.__getitem__, map(slice, starts, ends)))


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
        self._spellings = _Spellings()
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
                    for spelling in _spellings(secret):
                        self._spellings.add(_without_whitespace(spelling))

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
            for secret in known:
                for spelling in _spellings(secret):
                    self._spellings.remove(_without_whitespace(spelling))

    def _is_public(self, secret: str) -> bool:
        return any(_without_whitespace(secret).lower() in text for text in self._public)

    def clean(self, text: str) -> str:
        """Return the text with each secret replaced by `[hidden]`."""
        ranges = list(_find_web_tokens(text))
        for mark, shape in _SHAPES:
            if mark in text:
                # The last group of a shape is the secret, without the word or key before it.
                ranges += (match.span(match.lastindex or 0) for match in re.finditer(shape, text))
        ranges += self._spellings.find(text)
        return _mask_ranges(text, ranges) if ranges else text
