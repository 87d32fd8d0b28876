"""Times as the API gives them: milliseconds since the epoch, in UTC."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

EPOCH = datetime(1970, 1, 1)
NEVER = -1
"""The `expiry_time` of a token that does not expire."""
MILLISECOND = timedelta(milliseconds=1)
SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000
"""In milliseconds."""
# ISO 8601 as Python 3.11 reads it, without week dates. Its fromisoformat() is not used: 3.10 reads fewer forms and 3.14 more,
# and a statement must mean the same on each.
_TIME = (
    r"(?ai)(\d{4})(-?)(\d\d)\2(\d\d)"
    r"(?:[ T](\d\d)(?::?(\d\d)(?::?(\d\d)(?:[.,](\d+))?)?)?\s*(?:(Z)|([+-]\d\d)(?::?(\d\d))?)?)?"
)
_DATE = r"(?a)\d{4}-\d\d-\d\d"
_CLOCK = r"(?a)\d\d:\d\d(?::\d\d(?:\.\d+)?)?"
_DURATION = r"(?a)[+-]?\s*\d+(?:\.\d+)?\s*(?:second|minute|hour|day|week|month|quarter|year)s?(?:\s+ago)?"
_DISTANCES = ((365 * DAY, "y"), (DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s"))


def from_epoch(milliseconds: float) -> datetime:
    """Return a time without a zone, in UTC. Raises OverflowError outside the years 1 to 9999."""
    return EPOCH + timedelta(milliseconds=milliseconds)


def parse_time(text: str) -> int:
    """Return a date, or a date and time, as epoch milliseconds; without a zone it is in UTC. Raises ValueError."""
    match = re.fullmatch(_TIME, text.strip())
    if match is None:
        raise ValueError(f"invalid time: {text!r}")
    year, _, month, day, hour, minute, second, fraction, _, zone_hours, zone_minutes = match.groups()
    moment = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0))
    offset = timedelta(hours=int(zone_hours or 0))
    offset += timedelta(minutes=int(zone_minutes or 0)) * (-1 if (zone_hours or "").startswith("-") else 1)
    if abs(offset) >= timedelta(days=1):
        raise ValueError(f"invalid offset in {text!r}")
    return (moment - EPOCH - offset) // MILLISECOND + int((fraction or "0").ljust(3, "0")[:3])


def format_epoch(milliseconds: int) -> str:
    """Return a time as `YYYY-MM-DD HH:MM:SS`, with milliseconds if it has some. Raises OverflowError as `from_epoch`."""
    moment = from_epoch(milliseconds)
    return moment.isoformat(" ", "milliseconds" if milliseconds % SECOND else "seconds")


def format_timestamp(text: str) -> str:
    """Return a date, or a date and time, in the form of `format_epoch`. Raises ValueError."""
    return format_epoch(parse_time(text))


def format_date(text: str) -> str:
    """Return the text of a date, `YYYY-MM-DD`. Raises ValueError for any other form."""
    if re.fullmatch(_DATE, text.strip()) is None:
        raise ValueError(f"invalid date: {text!r}")
    return format_timestamp(text)[:10]


def format_clock(text: str) -> str:
    """Return the text of a time of day, `HH:MM:SS`, the seconds optional. Raises ValueError for any other form."""
    if re.fullmatch(_CLOCK, text.strip()) is None:
        raise ValueError(f"invalid time: {text!r}")
    return format_timestamp(f"2000-01-01 {text.strip()}")[11:]


_UNITS: dict[str, tuple[int, int]] = {
    "millennium": (12_000, 0),
    "century": (1200, 0),
    "decade": (120, 0),
    "year": (12, 0),
    "quarter": (3, 0),
    "month": (1, 0),
    "week": (0, 7 * DAY),
    "day": (0, DAY),
    "hour": (0, HOUR),
    "minute": (0, MINUTE),
    "second": (0, SECOND),
    "millisecond": (0, 1),
}
"""The units of an interval, in months and in milliseconds."""
INTERVAL_UNITS = frozenset(_UNITS) | {f"{unit}s" for unit in _UNITS}
_AMOUNT = r"([+-]?\s*\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*,?\s*"
_CLOCK_AMOUNT = r"([+-]?)(\d+):(\d\d)(?::(\d\d(?:\.\d+)?))?\s*"


def time_unit(name: str) -> tuple[int, int]:
    """Return a unit in months and in milliseconds, one of them 0. Raises ValueError."""
    unit = name.lower()
    try:
        return _UNITS[unit if unit in _UNITS else unit.removesuffix("s")]
    except KeyError:
        raise ValueError(f"unknown unit: {name!r}") from None


def parse_interval(text: str) -> tuple[int, int]:
    """Return the text of an interval, such as `1 month 2 days 10:30`, in months and milliseconds. Raises ValueError."""
    months, milliseconds, position = 0, 0.0, 0
    text = text.strip()
    while position < len(text):
        if match := re.compile(_CLOCK_AMOUNT).match(text, position):
            sign, hours, minutes, seconds = match.groups()
            clock = int(hours) * HOUR + int(minutes) * MINUTE + float(seconds or 0) * SECOND
            milliseconds += -clock if sign == "-" else clock
        elif match := re.compile(_AMOUNT).match(text, position):
            amount = float(match[1].replace(" ", ""))
            unit_months, unit_milliseconds = time_unit(match[2])
            if unit_months and not amount.is_integer():
                raise ValueError(f"a part of a {match[2]} has no length")
            months += int(amount) * unit_months
            milliseconds += amount * unit_milliseconds
        else:
            raise ValueError(f"invalid interval: {text!r}")
        position = match.end()
    if not text:
        raise ValueError("an empty interval")
    return months, round(milliseconds)


def format_distance(milliseconds: float, *, at_least: int = 1) -> str:
    """Return "in 3d" for a time ahead, "3d ago" for one in the past.

    Args:
        milliseconds: from now to the time; negative for the past.
        at_least: how many of a unit there must be for it to be used, seconds excepted: "in 47h" with 2, "in 1d" with 1.
    """
    distance = abs(milliseconds)
    size, letter = next((unit for unit in _DISTANCES if distance >= unit[0] * at_least), _DISTANCES[-1])
    amount = f"{int(distance // size)}{letter}"
    return f"in {amount}" if milliseconds >= 0 else f"{amount} ago"


def suggest_time(text: str) -> str:
    """Return what to write instead of a text that no time is read from."""
    word = text.strip().lower()
    if word in ("now", "now()", "today", "current_timestamp", "current_date", "sysdate"):
        return "now() is the time now, to_ms(now()) the same in milliseconds"
    if word in ("never", "infinity", "none"):
        return "expiry_time = -1 means never"
    if re.fullmatch(_DURATION, word):
        amount = word.removesuffix("ago").strip(" +-")
        operator = "-" if word.startswith("-") or word.endswith("ago") else "+"
        return f"for example to_ms(now() {operator} INTERVAL '{amount}')"
    if word.isdecimal():
        return "write epoch milliseconds as a number, without quotes"
    return "for example '2026-12-31' or '2026-12-31 23:59:59'"
