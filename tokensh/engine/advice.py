"""Advice on changes of tokens: when a new one expires, and who loses access by a new list of permissions. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from tokensh.api.request import Json
from tokensh.units import DAY, HOUR, MINUTE, NEVER, SECOND, from_epoch

_UNITS = {"hour": HOUR, "day": DAY, "week": 7 * DAY, "month": 30.4375 * DAY, "year": 365.25 * DAY}
"""ms of the units that comments are written in."""
_DURATION = r"(?i)\b(\d{1,5}(?:\.\d+)?)[ -]?(hour|day|week|month|year|h|d)s?\b"
_TOLERANCE = 0.1
"""The part by which a lifetime may differ from what its comment says: a month has 28 to 31 days."""
_GRANTEES = ("user_name", "group_name", "service_principal_name")


def format_lifetime(milliseconds: float) -> str:
    """Return a lifetime as one figure in which a wrong unit shows: "30.0 days", "12.0 hours", "30.0 minutes"."""
    units = ((DAY, "days"), (HOUR, "hours"), (MINUTE, "minutes"))
    size, unit = next((unit for unit in units if milliseconds >= unit[0]), (SECOND, "seconds"))
    try:
        return f"{milliseconds / size:.1f} {unit}"
    except OverflowError:
        return "longer than can be counted"  # an integer of JSON has any number of digits


def describe_new_token(response: Mapping[str, Json], now: int) -> Iterator[str]:
    """Yield when a token that was just created expires, and whether its comment says otherwise.

    Args:
        response: of the create, with `token_info` in it.
        now: ms since the epoch, for a response that does not say when the token was created.
    """
    info = response.get("token_info")
    if not isinstance(info, dict):
        return
    created, expiry, comment = (info.get(name) for name in ("creation_time", "expiry_time", "comment"))
    if not isinstance(expiry, int):
        return
    # The server's creation time and not our clock, which may be wrong by more than a short lifetime.
    lifetime = None if expiry == NEVER else expiry - (created if isinstance(created, int) else now)
    yield "never expires" if lifetime is None else f"expires {_format_day(expiry)}, in {format_lifetime(lifetime)}"
    if isinstance(comment, str):
        yield from _compare_comment(comment, lifetime)


def _format_day(milliseconds: int) -> str:
    try:
        return from_epoch(milliseconds).date().isoformat()
    except OverflowError:
        return f"{milliseconds} ms after 1970"  # a year that `datetime` does not have


def _compare_comment(comment: str, lifetime: float | None) -> Iterator[str]:
    """Yield a note if the comment names exactly one duration and the lifetime (ms; None: forever) is another."""
    # Two durations ("90 days, rotate after 60 days") do not say which one is the lifetime.
    durations = re.findall(_DURATION, comment)
    if len(durations) != 1:
        return
    amount, letters = durations[0]
    unit = {"d": "day", "h": "hour"}.get(letters.lower(), letters.lower())
    intended = float(amount) * _UNITS[unit]
    if lifetime is not None and abs(intended - lifetime) <= _TOLERANCE * max(intended, lifetime):
        return
    actual = "it never expires" if lifetime is None else f"its lifetime is {format_lifetime(lifetime)}"
    yield f"the comment says {amount} {unit}s, and {actual}: {format_lifetime(intended)} are {intended / 1000:.0f} s"


def count_unexpired(tokens: Iterable[Mapping[str, Json]], now: int) -> int:
    """Return how many of the listed tokens count for the quota; `now` in ms since the epoch."""
    expiries = (token.get("expiry_time") for token in tokens)
    return sum(not isinstance(expiry, int) or expiry == NEVER or expiry > now for expiry in expiries)


def find_lost_grants(current: Mapping[str, Json], new: Json) -> list[tuple[str, str]]:
    """Return the principals with a direct permission in the current access control list and none in the new one.

    Administrators keep their permission whatever is sent, so their group is never among them.

    Args:
        current: the response that holds the list in force.
        new: the list that is sent.

    Returns:
        The kind of each name (`group_name`) and the name.
    """
    remaining = {grantee for entry in _objects_in(new) for grantee in _grantees_of(entry)}
    direct = [entry for entry in _objects_in(current.get("access_control_list")) if _is_direct(entry)]
    had = [grantee for entry in direct for grantee in _grantees_of(entry)]
    return [grantee for grantee in had if grantee not in remaining and grantee != ("group_name", "admins")]


def _objects_in(value: Json) -> list[dict[str, Json]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _grantees_of(entry: Mapping[str, Json]) -> list[tuple[str, str]]:
    return [(kind, name) for kind in _GRANTEES if isinstance(name := entry.get(kind), str)]


def _is_direct(entry: Mapping[str, Json]) -> bool:
    """Return whether an entry has a permission that is not inherited: only those are replaced."""
    return any(permission.get("inherited") is not True for permission in _objects_in(entry.get("all_permissions")))
