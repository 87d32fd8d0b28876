"""Times as the API gives them: milliseconds since the epoch, in UTC."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

EPOCH = datetime(1970, 1, 1)
NEVER = -1
"""The `expiry_time` of a token that does not expire."""
SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000
"""In milliseconds."""
# ISO 8601 as Python 3.11 reads it, without week dates. Its fromisoformat() is not used: 3.10 reads fewer forms and 3.14 more,
# and a statement must mean the same on each.
_TIME = re.compile(
    r"(\d{4})(-?)(\d\d)\2(\d\d)"
    r"(?:[ T](\d\d)(?::?(\d\d)(?::?(\d\d)(?:[.,](\d+))?)?)?\s*(?:(Z)|([+-]\d\d)(?::?(\d\d))?)?)?",
    re.ASCII | re.IGNORECASE,
)
_DISTANCES = ((365 * DAY, "y"), (DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s"))


def from_epoch(milliseconds: float) -> datetime:
    """Return a time without a zone, in UTC. Raises OverflowError outside the years 1 to 9999."""
    return EPOCH + timedelta(milliseconds=milliseconds)


def parse_time(text: str) -> int:
    """Return a date, or a date and time, as epoch milliseconds; without a zone it is in UTC. Raises ValueError."""
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"invalid time: {text!r}")
    year, _, month, day, hour, minute, second, fraction, _, zone_hours, zone_minutes = match.groups()
    moment = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0))
    offset = timedelta(hours=int(zone_hours or 0))
    offset += timedelta(minutes=int(zone_minutes or 0)) * (-1 if (zone_hours or "").startswith("-") else 1)
    if abs(offset) >= timedelta(days=1):
        raise ValueError(f"invalid offset in {text!r}")
    return (moment - EPOCH - offset) // timedelta(milliseconds=1) + int((fraction or "0").ljust(3, "0")[:3])


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
