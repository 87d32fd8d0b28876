"""How well a name fits what is typed: its beginning, the beginning of a part of it, or its letters in order."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tokensh.complete.model import Candidate

PREFIX, SEGMENT, INITIALS, LETTERS = range(4)
MOST = 200
"""Suggestions at one time: nobody reads on, and a menu that is built anew with every key has to be short."""
_LONGEST = 64
_BOUNDARY = r"(?:^|(?<=[._]))"


class Matcher:
    """Compares names with what is typed, in any case."""

    __slots__ = ("_initials", "_letters", "typed")

    def __init__(self, typed: str) -> None:
        self.typed = typed.lower()
        self._letters: re.Pattern[str] | None = None
        self._initials: re.Pattern[str] | None = None
        if 1 < len(self.typed) <= _LONGEST:
            letters = [re.escape(c) for c in self.typed]
            # Each gap stops at the first place of the next letter: one way to match, so the time is linear.
            gaps = (f"[^{c}]*{c}" for c in letters[1:])
            self._letters = re.compile(f"{_BOUNDARY}{letters[0]}{''.join(gaps)}", re.DOTALL)
            parts = (map(re.escape, part) for part in self.typed.split("."))
            initials = r"[^.]*\.".join(r"[^._]*[._]".join(part) for part in parts)
            self._initials = re.compile(_BOUNDARY + initials, re.DOTALL)

    def quality(self, name: str, loose: int = 2) -> int | None:
        """How well it fits, best is 0; None: not at all."""
        low = name.lower()
        if low.startswith(self.typed):
            return PREFIX
        if not loose:
            return None
        if f"_{self.typed}" in low or f".{self.typed}" in low:
            return SEGMENT
        return self.fuzzy(low) if loose > 1 else None

    def fuzzy(self, low: str) -> int | None:
        """The same for letters in order, which begin where a part of the name does; `low` is in lower case."""
        if self._letters is None or self._initials is None or not self._letters.search(low):
            return None
        return INITIALS if self._initials.search(low) else LETTERS


def ranked(typed: str, candidates: Iterable[Candidate]) -> list[Candidate]:
    """Those that fit, best first, otherwise in their order; each text once."""
    matcher = Matcher(typed)
    found: list[tuple[bool, int, Candidate]] = []
    for one in candidates:
        quality = one.found if one.found is not None else _quality(matcher, one)
        if quality is not None:
            # Letters in order are a guess, which nothing puts before what was meant.
            found.append((not one.first or quality >= LETTERS, quality, one))
    found.sort(key=lambda each: each[:2])
    return list({(one.text or one.name).lower(): one for _, _, one in reversed(found)}.values())[::-1][:MOST]


def _quality(matcher: Matcher, one: Candidate) -> int | None:
    quality = matcher.quality(one.name, one.loose)
    if quality is not None or not one.also:
        return quality
    return LETTERS if matcher.typed in one.also.lower() else None
