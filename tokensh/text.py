"""Untrusted text made visible, measured and shortened for a terminal.

Text that came from an API, a file or a person may hold control sequences, bidirectional overrides and characters that show
as nothing. `escape_unsafe` turns each of them into an escape that can be read; everything else here expects such text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import accumulate, takewhile

# C0, DEL, C1; the Arabic letter mark and the bidirectional marks, embeddings, overrides and isolates; line and paragraph
# separators; invisible operators, byte order mark, zero width space, interlinear annotation; tag characters; lone
# surrogates. The joiners U+200C and, within a text, U+200D stay: emoji and several scripts are written with them.
UNSAFE_CHARACTERS = (
    "\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f"
)
_UNSAFE = re.compile(f"[{UNSAFE_CHARACTERS}]")
_SHORT_ESCAPES = {"\t": r"\t", "\n": r"\n", "\r": r"\r"}

_FLAG_LETTER = "[\U0001f1e6-\U0001f1ff]"
_EMOJI = "[#*0-9\xa9\xae\u203c\u2049\u2122\u2139\u2194-\u21aa\u231a-\u27bf\u2934\u2935\u2b05-\u2b55\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
_SKIN = "[\U0001f3fb-\U0001f3ff]"
_STYLE_16 = "\ufe0f"
"""The variation selector that asks for an emoji's coloured, wide form."""
_JOINER = "\u200d"
_CLUSTER_TEXT = f"{_FLAG_LETTER}{{2}}|{_EMOJI}(?:{_STYLE_16}|{_SKIN}|{_JOINER}.)+|.(?:{_JOINER}.)+"
_CLUSTER = re.compile(_CLUSTER_TEXT, re.DOTALL)
_CLUSTER_OR_CHARACTER = re.compile(f"{_CLUSTER_TEXT}|.", re.DOTALL)
_FLAG = re.compile(_FLAG_LETTER)
_MAKES_CLUSTERS = re.compile(f"{_FLAG_LETTER}|{_SKIN}|[{_JOINER}{_STYLE_16}]")

_MARKS = ("Mn", "Me", "Cf")
_ELLIPSIS = "…"


def plural(count: int, noun: str, nouns: str | None = None) -> str:
    """Return the count with its noun: "1 token", "2 tokens"; `nouns` is an irregular plural ("queries")."""
    return f"{count} {noun if count == 1 else nouns or noun + 's'}"


def _escape(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return _SHORT_ESCAPES.get(character) or f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


class _Escapes(dict[int, str]):
    """What each character is shown as, worked out on first use; some stay as they are."""

    def __init__(self, kept: str = "") -> None:
        super().__init__((ord(one), one) for one in kept)

    def __missing__(self, code: int) -> str:
        character = chr(code)
        self[code] = shown = _escape(character) if _UNSAFE.match(character) else character
        return shown


_ESCAPES = _Escapes()
_ESCAPES_BUT_NEWLINE = _Escapes("\n")


def escape_unsafe(text: str, *, keep_newlines: bool = False) -> str:
    r"""Text in which nothing acts on a terminal and nothing hides.

    Control characters, bidirectional controls, separators, invisible characters and lone surrogates become escapes such as
    `\x1b`, `\n`, `\u202e`. A backslash of the text itself stays as it is.

    Args:
        text: Any text.
        keep_newlines: Leave `\n` alone.
    """
    if text.isprintable():  # what is unsafe is not printable; the reverse does not hold
        return text
    shown = text.translate(_ESCAPES_BUT_NEWLINE if keep_newlines else _ESCAPES)
    # A joiner at an end would join what stands beside the text, a table's border for one.
    if shown.startswith(_JOINER):
        shown = _escape(_JOINER) + shown[1:]
    if shown.endswith(_JOINER):
        shown = shown[:-1] + _escape(_JOINER)
    return shown


class _CellCache(dict[str, int]):
    """The terminal cells of single characters, worked out on first use."""

    def __missing__(self, character: str) -> int:
        self[character] = cells = _measure(character)
        return cells


def _measure(character: str) -> int:
    if "\u1160" <= character <= "\u11ff" or "\ud7b0" <= character <= "\ud7ff" or character in "\u3164\uffa0":
        return 0  # Hangul vowels and tails join the syllable before them; the fillers show as nothing
    if unicodedata.category(character) in _MARKS:
        return 0
    if unicodedata.east_asian_width(character) in "WF" or _FLAG.match(character):
        return 2
    return 1


_CELLS = _CellCache()


def _cluster_width(cluster: str) -> int:
    return 2 if _STYLE_16 in cluster[:2] or _FLAG.match(cluster) else _CELLS[cluster[0]]


def width(text: str) -> int:
    """Terminal cells of text without control characters: 2 for wide ones, 0 for marks, an emoji sequence counted once."""
    if text.isascii():
        return len(text)
    total = sum(map(_CELLS.__getitem__, text))
    if _MAKES_CLUSTERS.search(text):
        for cluster in _CLUSTER.findall(text):
            total += _cluster_width(cluster) - sum(map(_CELLS.__getitem__, cluster))
    return total


def _pieces(text: str) -> Iterator[tuple[str, int]]:
    """What must not be cut apart, and its cells."""
    for found in _CLUSTER_OR_CHARACTER.finditer(text):
        yield found.group(), _cluster_width(found.group())


def _fitting(pieces: Iterable[tuple[str, int]], cells: int) -> list[str]:
    """The first pieces, as many as fit."""
    used = accumulate(pieces, lambda before, one: (one[0], before[1] + one[1]))
    return [piece for piece, end in takewhile(lambda one: one[1] <= cells, used)]


def truncate(text: str, cells: int) -> str:
    """The text if it fits into `cells` terminal cells (at least 1), else its start and `…`."""
    if width(text) <= cells:
        return text
    if text.isascii():
        return text[: cells - 1] + _ELLIPSIS
    return "".join(_fitting(_pieces(text), cells - 1)) + _ELLIPSIS


def elide_middle(text: str, cells: int) -> str:
    """The text if it fits into `cells` terminal cells (at least 3), else its start, `…` and its end."""
    if width(text) <= cells:
        return text
    tail_cells = (cells - 1) // 2
    if text.isascii():
        return text[: cells - 1 - tail_cells] + _ELLIPSIS + text[len(text) - tail_cells :]
    pieces = list(_pieces(text))
    head = _fitting(pieces, cells - 1 - tail_cells)
    tail = _fitting(reversed(pieces), tail_cells)
    return "".join((*head, _ELLIPSIS, *reversed(tail)))


def wrap(text: str, cells: int, lines: int) -> list[str]:
    """The text over at most `lines` lines of `cells` terminal cells (at least 2), cut at blanks where there are any.

    The last line ends in `…` if that is not all of it.
    """
    wrapped: list[str] = []
    while len(wrapped) < lines - 1 and width(text) > cells:
        head = text[:cells] if text.isascii() else "".join(_fitting(_pieces(text), cells))
        # The blank at a cut is dropped: nothing is to be seen of it.
        at = len(head) if text[len(head)] == " " else head.rfind(" ")
        if at > 0:
            wrapped.append(text[:at])
            text = text[at + 1 :]
        else:
            wrapped.append(head)
            text = text[len(head) :]
    return [*wrapped, truncate(text, cells)]


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate that a mistyped name most likely stands for, without regard to case; None if none comes near."""
    from difflib import get_close_matches  # noqa: PLC0415 (needed only after a mistake; start-up does without)

    by_key = {candidate.lower(): candidate for candidate in candidates}
    found = get_close_matches(name.lower(), by_key, n=1)
    return by_key[found[0]] if found else None


def did_you_mean(name: str, candidates: Iterable[str]) -> str | None:
    """Return the hint "did you mean 'near'?" for a mistyped name, or None if no candidate comes near."""
    near = nearest(name, candidates)
    return None if near is None else f"did you mean {near!r}?"
