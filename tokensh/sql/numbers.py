"""Say what to write instead of a text that only begins like a number."""

from __future__ import annotations

import re

from tokensh.errors import Span, SqlSyntaxError
from tokensh.text import elide_middle

_NUMBER = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|0[xX][0-9a-fA-F]+"
_DURATION = r"([0-9]+(?:\.[0-9]+)?)[\s_-]*([A-Za-z]+)"
_OTHER_BASE = r"0(?:[bB][01_]+|[oO][0-7_]+)"
_SECONDS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86_400),
    **dict.fromkeys(("w", "wk", "week", "weeks"), 604_800),
    **dict.fromkeys(("y", "yr", "year", "years"), 31_536_000),
}
_UNITS = {1: "second", 60: "minute", 3600: "hour", 86_400: "day", 604_800: "week", 31_536_000: "year"}
_SHOWN_CELLS = 40


def malformed_number_error(text: str, span: Span) -> SqlSyntaxError:
    """Return the error for a text that begins like a number."""
    return SqlSyntaxError(
        f"invalid number: {elide_middle(text, _SHOWN_CELLS)!r}", span=span, hint=suggest_number(text) or _explain(text)
    )


def suggest_number(text: str) -> str | None:
    """Return which number a text was probably meant to be; None if that is not clear."""
    if len(text) > _SHOWN_CELLS:
        return None
    cleaned = re.sub(r"(?<=\d)[_',](?=\d)", "", "".join(map(_to_ascii_digit, text)))
    if cleaned != text and re.fullmatch(_NUMBER, cleaned):
        return f"write {cleaned}"
    if re.fullmatch(_OTHER_BASE, cleaned):
        return f"write {int(cleaned, 0)}"
    if re.fullmatch(r"[0-9]+[lLnu]", cleaned):
        return f"write {cleaned[:-1]}"
    return explain_duration(cleaned)


def explain_duration(text: str) -> str | None:
    """Return "90 days are 7776000 seconds" for a number with a unit of time; None for any other text."""
    match = re.fullmatch(_DURATION, text.strip())
    seconds = _SECONDS.get(match[2].lower()) if match else None
    if match is None or seconds is None:
        return None
    amount = f"1 {_UNITS[seconds]} is" if match[1] == "1" else f"{match[1]} {_UNITS[seconds]}s are"
    return f"{amount} {_format(float(match[1]) * seconds)} seconds"


def _format(number: float) -> str:
    return str(int(number)) if number.is_integer() else str(number)


def _to_ascii_digit(character: str) -> str:
    return str(int(character)) if character.isdecimal() else character


def _explain(text: str) -> str:
    """Return the rule that a text breaks."""
    if re.fullmatch(_NUMBER, text):
        return "a blank is missing after it"
    if re.fullmatch(r"0[xX]\w*", text):
        return "after 0x come digits and the letters a to f"
    if re.fullmatch(r"[0-9.]+[eE]", text):
        return "digits are missing after the e, as in 1e3"
    shown = elide_middle(text, _SHOWN_CELLS)
    return f"text is written in single quotes: '{shown}'; a name that begins with a digit in double quotes"
