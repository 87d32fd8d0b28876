r"""Make untrusted text safe to show, and measure and shorten it in terminal cells.

Text that comes from an API, a file or a user may hold control sequences, bidirectional overrides and invisible characters.
`escape_unsafe` turns each of them into a readable escape such as `\x1b`; every other function here expects such text.

Widths come from wcwidth, which prompt_toolkit measures with too, so that a table and the prompt agree: wide characters take
2 cells, marks 0, an emoji sequence or an Indic conjunct counts once. Tables of our own lacked the conjuncts and took about
5 times as long. wcwidth takes 30 ms to import, so texts of ASCII and Latin letters are measured without it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from itertools import accumulate, takewhile, tee
from types import ModuleType

SURROGATES = "\ud800-\udfff"
"""Lone surrogates (half characters) as a range in a regex's character class; UTF-8 cannot encode them."""

# Code points that a terminal acts on, or that are invisible: C0, DEL, C1; the Arabic letter mark and the bidirectional marks,
# embeddings, overrides and isolates; line and paragraph separators; interlinear annotation; and the rest of Unicode's property
# Default_Ignorable_Code_Point (DerivedCoreProperties.txt), such as fillers, invisible operators, tags and variation selectors,
# which can make two texts look the same. A test compares this with all code points.
UNSAFE_RANGES = (
    (0x00, 0x1F), (0x7F, 0x9F), (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5),
    (0x180B, 0x180F), (0x200B, 0x200B), (0x200E, 0x200F), (0x2028, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164),
    (0xD800, 0xDFFF), (0xFE00, 0xFE0D), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFFB), (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
)  # fmt: skip
_UNSAFE = "".join(f"{chr(first)}-{chr(last)}" for first, last in UNSAFE_RANGES)
# The joiners U+200C and U+200D stay within a text that needs them, between letters of other scripts than Latin or in an emoji
# sequence; elsewhere they hide. U+FE0E and U+FE0F stay behind a symbol, whose form they choose, and in a keycap.
_JOINED = f"[^\x00-\u02ff\u2000-\u206f{_UNSAFE}]"
_SYMBOL = "\u00a9\u00ae\u203c\u2049\u2100-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
_MISUSED = (
    f"(?<!{_JOINED})[\u200c\u200d]|[\u200c\u200d](?!{_JOINED})"
    f"|(?<![{_SYMBOL}0-9#*])[\ufe0e\ufe0f]|(?<=[0-9#*])[\ufe0e\ufe0f](?!\u20e3)"
)
UNSAFE = f"[{_UNSAFE}]|{_MISUSED}"
"""A pattern of all that `escape_unsafe` replaces."""
_UNSAFE_BUT_NEWLINE = f"(?!\n)[{_UNSAFE}]|{_MISUSED}"
_SHORT_ESCAPES = {"\t": r"\t", "\n": r"\n", "\r": r"\r"}
_TAB = "    "
_PRINTABLE = bytes(range(0x20, 0x7F))

# One cell each, by wcwidth's tables (a test compares them): Latin letters, and the ellipsis that shortened texts hold.
_NARROW = "[ -~\xa0-\xac\xae-\u02ff…]*"
_ELLIPSIS = "…"


def plural(count: int, noun: str, nouns: str | None = None) -> str:
    """Return the count with its noun: "1 token", "2 tokens"; `nouns` is an irregular plural ("queries")."""
    return f"{count} {noun if count == 1 else nouns or noun + 's'}"


def find_unstorable(text: str) -> re.Match[str] | None:
    """Return the first NUL or lone surrogate, which no statement can hold: neither could be stored or sent."""
    if text.isascii() and "\0" not in text:  # most texts, without compiling the pattern
        return None
    return re.search(f"[\0{SURROGATES}]", text)


def escape_character(character: str) -> str:
    r"""Return the escape of a character, such as `\x1b`."""
    code = ord(character)
    if code < 0x100:
        return _SHORT_ESCAPES.get(character) or f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def escape_unsafe(text: str, *, keep_newlines: bool = False) -> str:
    r"""Return text in which nothing acts on a terminal and nothing hides.

    Control characters, bidirectional controls, separators, invisible characters and lone surrogates become escapes such as
    `\x1b`, `\n`, `\u202e`. A backslash of the text itself stays as it is.

    Args:
        text: Any text.
        keep_newlines: Leave `\n` alone.
    """
    if text.isascii() and text.isprintable():  # most texts, and much faster
        return text
    return re.sub(_UNSAFE_BUT_NEWLINE if keep_newlines else UNSAFE, lambda match: escape_character(match.group()), text)


def is_plain(text: str) -> bool:
    """Return whether a text is printable ASCII: nothing in it is unsafe, and each character takes one cell. Meant for long texts."""
    # Four times as fast as str.isprintable.
    return text.isascii() and not text.encode("ascii").translate(None, _PRINTABLE)


def make_inert(text: str) -> str:
    """Return lines of text as they may go to a terminal, an editor or a log: nothing in them acts or hides.

    Every door through which text leaves calls this, whatever its callers have done before.
    """
    return escape_unsafe(text.replace("\t", _TAB), keep_newlines=True)


def escape_surrogates(text: str) -> str:
    r"""Return text that UTF-8 can encode: lone surrogates become escapes such as `\ud800`."""
    return text if text.isascii() else re.sub(f"[{SURROGATES}]", lambda match: escape_character(match.group()), text)


@cache
def _wcwidth() -> ModuleType:
    import wcwidth  # noqa: PLC0415 (30 ms, which most runs can do without)

    return wcwidth


def _is_narrow(text: str) -> bool:
    return (text.isascii() and text.isprintable()) or re.fullmatch(_NARROW, text) is not None


def width(text: str) -> int:
    """Return the number of terminal cells that text without control characters takes."""
    if text.isascii() or _is_narrow(text):
        return len(text)
    cells: int = _wcwidth().wcswidth(text)
    # wcwidth gives -1 for text with control characters: only the terminal knows what they take.
    return len(text) if cells < 0 else cells


def _fit(graphemes: Iterable[str], cells: int) -> list[str]:
    """Return as many of the first graphemes as fit into `cells`."""
    measured, taken = tee(graphemes)
    ends = accumulate(map(width, measured))
    return [grapheme for grapheme, _ in takewhile(lambda pair: pair[1] <= cells, zip(taken, ends, strict=True))]


def _shorten(text: str, cells: int, *, tail_cells: int = 0, ellipsis: str = _ELLIPSIS) -> str:
    """Return the text's start, the ellipsis and at most `tail_cells` of its end, in at most `cells` cells."""
    head_cells = cells - len(ellipsis) - tail_cells
    if _is_narrow(text):
        return text[:head_cells] + ellipsis + text[len(text) - tail_cells :]
    head = _fit(_wcwidth().iter_graphemes(text), head_cells)
    tail = _fit(_wcwidth().iter_graphemes_reverse(text), tail_cells) if tail_cells else []
    # A mark may take more cells beside its new neighbour than it took alone: then the sum was too small.
    while width(shortened := "".join((*head, ellipsis, *reversed(tail)))) > cells:
        (tail or head).pop()
    return shortened


def truncate(text: str, cells: int) -> str:
    """Return the text if it fits into `cells` terminal cells (at least 1), else its start and `…`."""
    return text if width(text) <= cells else _shorten(text, cells)


def quote_text(text: str, cells: int) -> str:
    r"""Return untrusted text in quotes, in at most `cells` terminal cells: what is in them cannot look like what is behind them.

    Quotes and backslashes of the text are escaped: `"say \"hi\""`.
    """
    escaped = escape_unsafe(text).replace("\\", "\\\\").replace('"', '\\"')
    if width(escaped) <= cells - 2:
        return f'"{escaped}"'
    # An escape must not be cut in two: half of it would escape the closing quote.
    shortened = truncate(escaped, cells - 2)[: -len(_ELLIPSIS)]
    odd = (len(shortened) - len(shortened.rstrip("\\"))) % 2
    return f'"{shortened[: len(shortened) - odd]}{_ELLIPSIS}"'


def elide_middle(text: str, cells: int) -> str:
    """Return the text if it fits into `cells` terminal cells (at least 3), else its start, `…` and its end."""
    return text if width(text) <= cells else _shorten(text, cells, tail_cells=(cells - 1) // 2)


def wrap(text: str, cells: int, lines: int) -> list[str]:
    """Return the text in at most `lines` lines of `cells` terminal cells (at least 2), broken at blanks where there are any.

    The last line ends in `…` if text is left over. (`wcwidth.wrap` would drop further blanks; a cell shows them all but
    those at line breaks.)
    """
    wrapped: list[str] = []
    while len(wrapped) < lines - 1 and width(text) > cells:
        head = _shorten(text, cells, ellipsis="")
        at = len(head) if text[len(head)] == " " else head.rfind(" ")
        if at > 0:
            wrapped.append(text[:at])
            text = text[at + 1 :]
        else:
            wrapped.append(head)
            text = text[len(head) :]
    return [*wrapped, truncate(text, cells)]


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate that a mistyped name most likely means, ignoring case, or None if none is similar."""
    from difflib import get_close_matches  # noqa: PLC0415 (needed only after a mistake; start-up does without)

    by_key = {candidate.lower(): candidate for candidate in candidates}
    matches = get_close_matches(name.lower(), by_key, n=1)
    return by_key[matches[0]] if matches else None


def nearest_word(word: str, candidates: Iterable[str]) -> str | None:
    """Return the keyword or function that a mistyped word most likely means, ignoring case, or None if none is close."""
    return next(iter(near_words(word, candidates)), None)


def near_words(word: str, candidates: Iterable[str]) -> list[str]:
    """Return the keywords or functions that a mistyped word may mean, the likeliest first.

    Stricter than `nearest`, because a wrong guess at a word of the language misleads: the same letters in another order, or the
    same first letter and one wrong letter (two in words of six letters or more).
    """
    typed = word.lower()
    most = 0 if len(typed) < 3 else 1 if len(typed) < 6 else 2
    by_distance = []
    for candidate in candidates:
        other = candidate.lower()
        if sorted(other) == sorted(typed):
            by_distance.append((0, candidate))
        elif other[:1] == typed[:1] and abs(len(other) - len(typed)) <= most:
            by_distance.append((_edit_distance(typed, other), candidate))
    return [candidate for distance, candidate in sorted(by_distance) if distance <= most]


def _edit_distance(word: str, other: str) -> int:
    """Return how many letters must be added, dropped, changed or swapped with their neighbour to make one word the other."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(word, 1):
        earlier, before, row = before, row, [i]
        for j, wanted in enumerate(other, 1):
            distance = min(row[j - 1] + 1, before[j] + 1, before[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and (letter, word[i - 2]) == (other[j - 2], wanted):
                distance = min(distance, earlier[j - 2] + 1)
            row.append(distance)
    return row[-1]


def did_you_mean(name: str, candidates: Iterable[str]) -> str | None:
    """Return the hint "did you mean 'near'?" for a mistyped name, or None if no candidate comes near."""
    near = nearest(name, candidates)
    return None if near is None else f"did you mean {near!r}?"


_MOST_DIGITS = 18
"""Digits of a number that fits into 64 bits."""


def read_count(text: str) -> int | None:
    """Return the number that decimal digits write; None for any other text, and for a number of more than 18 digits."""
    digits = text.lstrip("0") or text[-1:]
    return int(digits) if text.isascii() and text.isdecimal() and len(digits) <= _MOST_DIGITS else None
