"""What is worth a line beside a change of tokens: when a new one ends, and what a change takes from whom. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from tokensh.api.request import Json
from tokensh.units import DAY, HOUR, MINUTE, NEVER, SECOND, from_epoch

_UNITS = {"hour": HOUR, "day": DAY, "week": 7 * DAY, "month": 30.4375 * DAY, "year": 365.25 * DAY}
"""ms of the units that comments are written in."""
_SPAN = re.compile(r"\b(\d{1,5}(?:\.\d+)?)[ -]?(hour|day|week|month|year|h|d)s?\b", re.IGNORECASE)
_SLACK = 0.1
"""The part by which a lifetime may differ from what its comment says: a month has 28 to 31 days."""
_GRANTEES = ("user_name", "group_name", "service_principal_name")


def format_lifetime(milliseconds: float) -> str:
    """`30.0 days`, `12.0 hours`, `30.0 minutes`: one figure that a slip of units shows in."""
    size, unit = next(
        ((size, unit) for size, unit in ((DAY, "days"), (HOUR, "hours"), (MINUTE, "minutes")) if milliseconds >= size),
        (SECOND, "seconds"),
    )  # fmt: skip
    return f"{milliseconds / size:.1f} {unit}"


def describe_new_token(reply: Mapping[str, Json], now: int) -> Iterator[str]:
    """When a token that was just created ends, and whether its comment says otherwise.

    Args:
        reply: of the create, `token_info` in it.
        now: ms since the epoch, for a reply that does not say when it was created.
    """
    info = reply.get("token_info")
    if not isinstance(info, dict):
        return
    created, expiry, comment = (info.get(name) for name in ("creation_time", "expiry_time", "comment"))
    if not isinstance(expiry, int):
        return
    lifetime = None if expiry == NEVER else expiry - (created if isinstance(created, int) else now)
    yield "never expires" if lifetime is None else f"expires {_day(expiry)}, in {format_lifetime(lifetime)}"
    if isinstance(comment, str) and (said := _other_span(comment, lifetime)) is not None:
        yield said


def _day(milliseconds: int) -> str:
    try:
        return from_epoch(milliseconds).date().isoformat()
    except OverflowError:
        return f"{milliseconds} ms after 1970"


def _other_span(comment: str, lifetime: float | None) -> str | None:
    """A note where a comment names one span of time, and the lifetime is another."""
    spans = _SPAN.findall(comment)
    if len(spans) != 1:
        return None
    (amount, unit), *_ = spans
    name = {"d": "day", "h": "hour"}.get(unit.lower(), unit.lower())
    said = float(amount) * _UNITS[name]
    if lifetime is not None and abs(said - lifetime) <= _SLACK * max(said, lifetime):
        return None
    real = "it never expires" if lifetime is None else f"its lifetime is {format_lifetime(lifetime)}"
    return f"the comment says {amount} {name}s, and {real}: {format_lifetime(said)} are {said / 1000:.0f} s"


def count_unexpired(tokens: Iterable[Mapping[str, Json]], now: int) -> int:
    """How many of the listed tokens count for the quota; `now` in ms since the epoch."""
    return sum(not isinstance(end := one.get("expiry_time"), int) or end == NEVER or end > now for one in tokens)


def find_lost_grants(now: Mapping[str, Json], new: Json) -> list[tuple[str, str]]:
    """Who has a direct permission in an access control list, and none in the one that is to replace it.

    Args:
        now: the reply that holds the list in force.
        new: the list that is sent.

    The kind of each name (`group_name`) and the name. Administrators keep theirs whatever is sent.
    """
    kept = {grant for one in _objects(new) for grant in _grant(one)}
    had = [grant for one in _objects(now.get("access_control_list")) if _is_direct(one) for grant in _grant(one)]
    return [grant for grant in had if grant not in kept and grant != ("group_name", "admins")]


def _objects(value: Json) -> list[dict[str, Json]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _grant(entry: Mapping[str, Json]) -> list[tuple[str, str]]:
    return [(kind, name) for kind in _GRANTEES if isinstance(name := entry.get(kind), str)]


def _is_direct(entry: Mapping[str, Json]) -> bool:
    return any(one.get("inherited") is not True for one in _objects(entry.get("all_permissions")))
