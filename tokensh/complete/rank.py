"""How well a name fits what is typed: its beginning, the beginning of a part of it, or its letters in order."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tokensh.complete.model import Candidate

PREFIX, SEGMENT, INITIALS, LETTERS = range(4)
# Suggestions at one time. The menu is built anew with every key, so it must be short; users type on rather than scroll.
MAX_SUGGESTIONS = 200
# Characters of what is typed: longer texts are compared by their beginning only, as a pattern would grow with them.
_LONGEST_PATTERN = 64
# Characters of a name that are compared letter by letter: the expression tries each part of the name as a beginning.
_LONGEST_NAME = 256
_BOUNDARY = r"(?:^|(?<=[._]))"


class Matcher:
    """Compares names with what is typed, in any case."""

    __slots__ = ("_initials", "_letters", "typed")

    def __init__(self, typed: str) -> None:
        self.typed = typed.lower()
        self._letters: re.Pattern[str] | None = None
        self._initials: re.Pattern[str] | None = None
        if 1 < len(self.typed) <= _LONGEST_PATTERN:
            letters = [re.escape(c) for c in self.typed]
            # Each gap ends at the first occurrence of the next letter: one way to match, so the time is linear.
            gaps = (f"[^{c}]*{c}" for c in letters[1:])
            self._letters = re.compile(f"{_BOUNDARY}{letters[0]}{''.join(gaps)}", re.DOTALL)
            # Dots that are typed are the name's own: `w.ut` is workspace.user_tokens, not workspace.current_user.
            parts = (map(re.escape, part) for part in self.typed.split("."))
            initials = r"[^.]*\.".join(r"[^._]*[._]".join(part) for part in parts)
            self._initials = re.compile(_BOUNDARY + initials, re.DOTALL)

    def match(self, name: str, looseness: int = 2) -> int | None:
        """Return the quality of the match, 0 is best; None if the name does not fit."""
        lower = name.lower()
        if lower.startswith(self.typed):
            return PREFIX
        if not looseness:
            return None
        if f"_{self.typed}" in lower or f".{self.typed}" in lower:
            return SEGMENT
        return self.match_letters(lower) if looseness > 1 else None

    def match_letters(self, lower: str) -> int | None:
        """Compare letters in order that begin where a part of the name does; `lower` is the name in lower case."""
        lower = lower[:_LONGEST_NAME]
        if self._letters is None or self._initials is None or not self._letters.search(lower):
            return None
        return INITIALS if self._initials.search(lower) else LETTERS


def rank(typed: str, candidates: Iterable[Candidate]) -> list[Candidate]:
    """Return the candidates that fit, best first, otherwise in their order; each text once."""
    matcher = Matcher(typed)
    matches: list[tuple[bool, int, Candidate]] = []
    for candidate in candidates:
        quality = candidate.quality if candidate.quality is not None else _match_candidate(matcher, candidate)
        if quality is not None:
            # Letters in order are a guess: it does not come before what was meant, even if it is required.
            matches.append((not candidate.first or quality >= LETTERS, quality, candidate))
    matches.sort(key=lambda match: match[:2])
    by_text = {(candidate.text or candidate.name).lower(): candidate for _, _, candidate in reversed(matches)}
    return list(by_text.values())[::-1][:MAX_SUGGESTIONS]


def _match_candidate(matcher: Matcher, candidate: Candidate) -> int | None:
    quality = matcher.match(candidate.name, candidate.looseness)
    if quality is not None or not candidate.also:
        return quality
    return LETTERS if matcher.typed in candidate.also.lower() else None
