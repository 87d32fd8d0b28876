"""Times as the API gives them: milliseconds since the epoch, in UTC."""

from __future__ import annotations

from datetime import datetime, timedelta

EPOCH = datetime(1970, 1, 1)
NEVER = -1
"""The `expiry_time` of a token that does not expire."""
SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000
"""In milliseconds."""
_DISTANCES = ((365 * DAY, "y"), (DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s"))


def from_epoch(milliseconds: float) -> datetime:
    """Return a time without a zone, in UTC. Raises OverflowError outside the years 1 to 9999."""
    return EPOCH + timedelta(milliseconds=milliseconds)


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
