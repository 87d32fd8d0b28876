"""What users see of untrusted text is inert, measured in terminal cells and never wider than its place."""

from __future__ import annotations

import subprocess
import sys
import time
import unicodedata

import pytest
import wcwidth
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cases import each_case
from tokensh.text import (
    _is_narrow,
    did_you_mean,
    elide_middle,
    escape_surrogates,
    escape_unsafe,
    find_unstorable,
    make_inert,
    near_words,
    nearest,
    nearest_word,
    plural,
    quote_text,
    read_count,
    truncate,
    width,
    wrap,
)

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
GERMANY = "\U0001f1e9\U0001f1ea"


@each_case(
    ("text", "shown"),
    [
        ("plain text", "plain text"),
        ("", ""),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\x1b]52;c;aGk=\x07", r"\x1b]52;c;aGk=\x07"),
        ("a\x9b2Jb\x9d", r"a\x9b2Jb\x9d"),
        ("a\tb\nc\rd\x00\x08\x7f", r"a\tb\nc\rd\x00\x08\x7f"),
        ("\u202eevil\u2066x\u2069", r"\u202eevil\u2066x\u2069"),
        ("\u200e\u200f\u061c", r"\u200e\u200f\u061c"),
        ("a\u2028b\u2029c\x85", r"a\u2028b\u2029c\x85"),
        ("\ufeffbom\u200bzero", r"\ufeffbom\u200bzero"),
        ("\ud800 alone", r"\ud800 alone"),
        ("\U000e0041", r"\U000e0041"),
        (r"a\nb", r"a\nb"),
        ("日本語 é " + FAMILY + GERMANY, "日本語 é " + FAMILY + GERMANY),
        ("no\xa0break", "no\xa0break"),
    ],
)
def test_what_acts_or_hides_becomes_an_escape_and_the_rest_stays(text: str, shown: str) -> None:
    assert escape_unsafe(text) == shown


# Default_Ignorable_Code_Point of Unicode 16's DerivedCoreProperties.txt, written here anew.
DEFAULT_IGNORABLE = (
    "AD 34F 61C 115F-1160 17B4-17B5 180B-180F 200B-200F 202A-202E 2060-206F 3164 FE00-FE0F FEFF FFA0 FFF0-FFF8"
    " 1BCA0-1BCA3 1D173-1D17A E0000-E0FFF"
)


def test_no_code_point_that_hides_or_acts_passes_between_letters() -> None:
    hidden = set[int]()
    for part in DEFAULT_IGNORABLE.split():
        first, _, last = part.partition("-")
        hidden |= set(range(int(first, 16), int(last or first, 16) + 1))
    acting = {code for code in range(0x110000) if unicodedata.category(chr(code)) in ("Cc", "Zl", "Zp", "Cs")}
    assert len(hidden) > 4_000
    unsafe = hidden | acting | {0xFFF9, 0xFFFA, 0xFFFB}
    for code in range(0x110000):
        character = chr(code)
        escaped = escape_unsafe(f"a{character}b") != f"a{character}b"
        assert escaped == (code in unsafe), hex(code)


HEART, FIRE = "\u2764\ufe0f", "\U0001f525"


@each_case(
    "text",
    [
        HEART,
        f"I {HEART} it",
        f"{HEART}\u200d{FIRE}",
        "1\ufe0f\u20e3 #\ufe0f\u20e3",
        "\u2600\ufe0e",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\u0915\u094d\u200d\u0937",
        FAMILY,
        "\u00a9\ufe0f",
    ],
    ids=ascii,
)
def test_joiners_and_selectors_stay_where_a_script_or_an_emoji_needs_them(text: str) -> None:
    assert escape_unsafe(text) == text


@each_case(
    "text",
    [
        "ad\u200dmin", "ad\u200cmin", "\u200dx", "x\u200d", "\u0645\u200c", "\u0645\u200c\u200c\u0645", "a\ufe0f", "1\ufe0f", "1\ufe0e2",
        f"{HEART}\ufe0f", "\u0645\ufe0f", "\u3164\u200d\u0645", "\u0645\u200d\u3164", "\u00e9\u200d\u00e9", "\u2014\u200d\u2014",
    ],
    ids=ascii,
)  # fmt: skip
def test_joiners_and_selectors_become_escapes_elsewhere(text: str) -> None:
    assert "\\u" in escape_unsafe(text)


def test_lines_at_a_door_keep_their_line_ends_and_tabs_become_blanks() -> None:
    assert make_inert("a\tb\n\x1b[201~c\r\n") == "a    b\n\\x1b[201~c\\r\n"


def test_newlines_stay_when_asked_for() -> None:
    assert escape_unsafe("a\nb\r\n\x1b", keep_newlines=True) == "a\nb\\r\n\\x1b"


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=())))
def test_visible_text_is_inert_and_can_be_encoded(text: str) -> None:
    shown = escape_unsafe(text)
    shown.encode()
    assert not any(c < " " or "\x7f" <= c <= "\x9f" or "\u202a" <= c <= "\u202e" for c in shown)
    assert escape_unsafe(shown) == shown


@each_case(
    ("text", "cells"),
    [
        ("", 0),
        ("abc", 3),
        ("é", 1),
        ("e\u0301", 1),
        ("日本", 4),
        ("한", 2),
        ("\u1112\u1161\u11ab", 2),
        (FAMILY, 2),
        (GERMANY, 2),
        (GERMANY * 2 + "x", 5),
        ("\U0001f44d\U0001f3fd", 2),
        ("❤\ufe0f", 2),
        ("❤\ufe0f\u200d\U0001f525", 2),
        ("1\ufe0f\u20e3", 2),
        ("a\u200db", 1),
        ("…", 1),
        ("क्षि", 2),
        ("हिन्दी", 4),
    ],
)
def test_width_counts_terminal_cells(text: str, cells: int) -> None:
    assert width(text) == cells == wcwidth.wcswidth(text)


def test_the_letters_that_are_measured_without_wcwidth_take_one_cell_each() -> None:
    printable = (chr(code) for code in range(0x11000) if chr(code) == escape_unsafe(chr(code)))
    narrow = [character for character in printable if _is_narrow(character)]
    assert len(narrow) > 600
    assert {wcwidth.wcwidth(character) for character in narrow} == {1}


def test_ascii_and_latin_text_is_measured_without_loading_wcwidth() -> None:
    script = """
import sys
from tokensh.text import elide_middle, truncate, width, wrap
text = truncate("Grüße " * 9, 20) + elide_middle("0123456789", 5) + wrap("Łódź, Kraków, Gdańsk", 8, 2)[0]
assert width(text) == len(text)
assert "wcwidth" not in sys.modules
assert width("語") == 2
assert "wcwidth" in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_text_with_control_characters_is_not_taken_for_short() -> None:
    assert width("語\n" * 20) == 40
    assert truncate("語\n" * 20, 10).endswith("…")


def test_lone_surrogates_become_escapes_and_the_rest_stays() -> None:
    assert escape_surrogates("plain") == "plain"
    assert escape_surrogates("é \ud800\udfff \x1b") == r"é \ud800\udfff " + "\x1b"


@each_case(
    ("text", "cells", "shown"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdef", 5, "abcd…"),
        ("abcdef", 1, "…"),
        ("日本語", 6, "日本語"),
        ("日本語", 5, "日本…"),
        ("日本語", 4, "日…"),
        ("x" + FAMILY + "yz", 4, "x" + FAMILY + "…"),
        ("x" + FAMILY + "yz", 3, "x…"),
        ("\u094d\u0e01a", 2, "\u094d…"),  # a mark that takes more cells beside the ellipsis
    ],
)
def test_truncate_keeps_the_start(text: str, cells: int, shown: str) -> None:
    assert truncate(text, cells) == shown


@each_case(
    ("text", "cells", "shown"),
    [
        ("0123456789", 10, "0123456789"),
        ("0123456789", 9, "0123…6789"),
        ("0123456789", 4, "01…9"),
        ("0123456789", 3, "0…9"),
        ("日本語日本語", 6, "日…語"),
        ("क्षिक्षिक्षि", 5, "क्षि…क्षि"),
    ],
)
def test_elide_middle_keeps_both_ends(text: str, cells: int, shown: str) -> None:
    assert elide_middle(text, cells) == shown


# A mark of another script is as wide as a letter: the cells of a text are not the sum of its parts.
MIXED = st.text(
    st.sampled_from("ab語\u0334\u0187\u1067\u1068\u106d\u17f1\u20e3\u093f\u0915\u094d\U0001f1e9\ufe0f\u2764")
)


@settings(deadline=None)
@given(st.text() | MIXED, st.integers(3, 30))
def test_shortened_text_never_exceeds_its_cells(text: str, cells: int) -> None:
    text = escape_unsafe(text)
    assert width(truncate(text, cells)) <= cells
    assert width(elide_middle(text, cells)) <= cells


def test_a_megabyte_is_truncated_at_once() -> None:
    started = time.perf_counter()
    assert truncate("語" * 1_000_000, 20) == "語" * 9 + "…"
    assert time.perf_counter() - started < 2


@each_case(
    ("name", "found"),
    [("commnt", "comment"), ("COMENT", "comment"), ("token_Id", "Token_ID"), ("zzz", None), ("", None)],
)
def test_nearest_finds_what_was_meant(name: str, found: str | None) -> None:
    assert nearest(name, ["comment", "Token_ID", "creation_time"]) == found


@each_case(
    ("text", "lines"),
    [
        ("short", ["short"]),
        ("", [""]),
        ("one two three four", ["one two", "three four"]),
        ("exactly ten and", ["exactly", "ten and"]),
        ("abcdefghij klm", ["abcdefghij", "klm"]),
        ("abcdefghijklm", ["abcdefghij", "klm"]),
        ("日本日本日本", ["日本日本日", "本"]),
        (" " * 12, [" " * 10, " "]),
        ("x" * 31, ["x" * 10, "x" * 10, "x" * 9 + "…"]),
    ],
)
def test_wrapped_text_is_cut_at_blanks_and_ends_after_the_last_line(text: str, lines: list[str]) -> None:
    assert wrap(text, 10, 3) == lines


@settings(deadline=None)
@given(st.text() | MIXED, st.integers(2, 30), st.integers(1, 6))
def test_no_wrapped_line_is_wider_than_it_may_be_and_only_blanks_are_lost(text: str, cells: int, lines: int) -> None:
    wrapped = wrap(escape_unsafe(text), cells, lines)
    assert 1 <= len(wrapped) <= lines
    assert all(width(line) <= cells for line in wrapped)
    if not wrapped[-1].endswith("…"):
        assert "".join(wrapped).replace(" ", "") == escape_unsafe(text).replace(" ", "")


@each_case(
    ("text", "shown"),
    [
        ("\u200d", r"\u200d"),
        ("\u200dab", r"\u200dab"),
        ("ab\u200d", r"ab\u200d"),
        ("\u200da\u200d", r"\u200da\u200d"),
        ("a\u200db", r"a\u200db"),
        (FAMILY, FAMILY),
    ],
)
def test_a_joiner_is_left_alone_where_it_joins_and_shown_at_the_ends(text: str, shown: str) -> None:
    assert escape_unsafe(text) == shown
    assert width(f"| {shown} |") == width(shown) + 4


def test_newlines_are_kept_where_they_may_be_and_nothing_else() -> None:
    assert escape_unsafe("a\nb\r\n\x1b", keep_newlines=True) == "a\nb\\r\n\\x1b"
    assert escape_unsafe("a\nb\r\n\x1b") == r"a\nb\r\n\x1b"


def test_beside_what_is_escaped_everything_else_stays() -> None:
    plain = "".join(map(chr, range(0x20, 0x7F))) + "éß漢😀\u200c漢"
    assert escape_unsafe(f"{plain}\x1b") == rf"{plain}\x1b"


@pytest.mark.parametrize(("cells", "shown"), [(2, "…"), (3, "🇩🇪…"), (4, "🇩🇪🇫🇷")])
def test_a_flag_is_not_cut_apart(cells: int, shown: str) -> None:
    assert truncate("🇩🇪🇫🇷", cells) == shown


@each_case(("count", "text"), [(0, "0 queries"), (1, "1 query"), (2, "2 queries"), (-1, "-1 queries")])
def test_a_count_has_the_noun_that_fits_it(count: int, text: str) -> None:
    assert plural(count, "query", "queries") == text
    assert plural(count, "token") == f"{count} token{'' if count == 1 else 's'}"


def test_a_near_miss_becomes_a_hint_that_quotes_the_name() -> None:
    assert did_you_mean("TABEL", ["table", "csv"]) == "did you mean 'table'?"
    assert did_you_mean("xml", ["table", "csv"]) is None


@each_case(
    ("text", "cells", "quoted"),
    [
        ("ci", 10, '"ci"'),
        ('say "hi"', 20, r'"say \"hi\""'),
        ("a\\b", 20, r'"a\\b"'),
        ("long enough", 8, '"long …"'),
        # The escape of the quote would be cut in two.
        ('abc"def', 7, '"abc…"'),
    ],
)
def test_text_in_quotes_cannot_end_its_quotes(text: str, cells: int, quoted: str) -> None:
    assert quote_text(text, cells) == quoted
    assert width(quoted) <= cells


@each_case(
    ("word", "near"),
    [
        ("SELCT", ["SELECT"]),
        ("slect", ["SELECT"]),
        ("FORM", ["FROM"]),
        ("lenght", ["LENGTH"]),
        ("md5", []),
        ("xy", []),
    ],
)
def test_a_mistyped_word_has_few_near_ones(word: str, near: list[str]) -> None:
    words = ["SELECT", "FROM", "LENGTH", "mod"]
    assert near_words(word, words) == near
    assert nearest_word(word, words) == (near[0] if near else None)


def test_a_hint_names_what_comes_near() -> None:
    assert did_you_mean("coment", ["comment", "token_id"]) == "did you mean 'comment'?"
    assert did_you_mean("x", ["comment"]) is None


@each_case(
    ("text", "count"),
    [
        ("0", 0),
        ("007", 7),
        ("9" * 18, 10**18 - 1),
        ("9" * 19, None),
        ("", None),
        ("-1", None),
        ("\u0663", None),
        ("1_0", None),
    ],
)
def test_a_count_is_decimal_digits(text: str, count: int | None) -> None:
    assert read_count(text) == count


@each_case(
    ("text", "place"), [("", None), ("plain", None), ("Zoë ✨", None), ("a\0b", 1), ("é\ud800", 1), ("\udfff", 0)]
)
def test_a_text_that_no_statement_can_hold_is_found(text: str, place: int | None) -> None:
    found = find_unstorable(text)
    assert (found.start() if found else None) == place
