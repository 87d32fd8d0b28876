"""Times, expiries and masked secrets are shown in one readable form."""

from __future__ import annotations

import pytest

from tests.cases import each_case
from tokensh.render.cells import TimeForm, expiry_style, format_time, is_time, mask_secret
from tokensh.rows import Column, Unit, Value

NOW = 1_794_694_400.0
EXPIRY = Column("e", "integer", "databricks_workspace.workspace.user_tokens.expiry_time")


@each_case(
    ("seconds", "distance"),
    [
        (0, "in 0s"),
        (119, "in 119s"),
        (120, "in 2m"),
        (3 * 3600, "in 3h"),
        (47 * 3600, "in 47h"),
        (3 * 86400, "in 3d"),
        (729 * 86400, "in 729d"),
        (730 * 86400, "in 2y"),
        (-1, "1s ago"),
        (-2 * 86400, "2d ago"),
    ],
)
def test_the_distance_is_told_in_the_largest_unit_of_which_there_are_two(seconds: int, distance: str) -> None:
    assert format_time(int(NOW + seconds) * 1000, NOW).partition("Z ")[2] == distance


@each_case(
    ("milliseconds", "text"),
    [
        (1_794_694_400_000, "2026-11-14 22:13:20Z"),
        (1_794_694_400_999, "2026-11-14 22:13:20Z"),
        (0, "1970-01-01 00:00:00Z"),
        (-1, "never"),
        (-2000, "1969-12-31 23:59:58Z"),
        (2**63 - 1, "9223372036854775807"),
        (-(2**63), "-9223372036854775808"),
        (253_402_300_800_000, "253402300800000"),
    ],
)
def test_epoch_milliseconds_become_a_date_in_utc(milliseconds: int, text: str) -> None:
    assert format_time(milliseconds) == text


@each_case(
    ("column", "expected"),
    [
        (EXPIRY, True),
        (Column("x", "integer", "p.s.r.last_used_day"), True),
        (Column("expiry_time", "integer"), False),
        (Column("x", "string", "p.s.r.creation_time"), False),
        (Column("x", "integer", "p.s.r.lifetime_seconds"), False),
    ],
)
def test_a_time_is_an_integer_field_whose_own_name_says_so(column: Column, expected: bool) -> None:
    assert is_time(column) is expected


DAY = 86400


@each_case(
    ("value", "now", "style"),
    [
        (0, NOW, "past"),
        (int(NOW - 1) * 1000, NOW, "past"),
        (int(NOW) * 1000, NOW, "soon"),
        (int(NOW + 7 * DAY - 1) * 1000, NOW, "soon"),
        (int(NOW + 7 * DAY) * 1000, NOW, ""),
        (-1, NOW, ""),
        (None, NOW, ""),
        (0, None, ""),
        ("0", NOW, ""),
    ],
)
def test_an_expiry_is_past_or_soon(value: Value, now: float | None, style: str) -> None:
    assert expiry_style(EXPIRY, value, now) == style
    assert not expiry_style(Column("c", "integer", "p.s.r.creation_time"), value, now)


@pytest.mark.parametrize(
    ("form", "shown", "without_now"),
    [
        ("moment", "2026-11-17 22:13:20Z in 3d", "2026-11-17 22:13:20Z"),
        ("day", "2026-11-17 in 3d", "2026-11-17"),
        ("distance", "in 3d", "2026-11-17"),
    ],
)
def test_a_time_is_shown_as_there_is_room(form: TimeForm, shown: str, without_now: str) -> None:
    milliseconds = int(NOW + 3 * DAY) * 1000
    assert format_time(milliseconds, NOW, form) == shown
    assert format_time(milliseconds, None, form) == without_now
    assert format_time(-1, NOW, form) == "never"


@each_case(
    ("secret", "shown"),
    [
        ("dapi" + "0123456789abcdef" * 2, "dapi…cdef (hidden)"),
        ("short", "(hidden)"),
        ("x" * 19, "(hidden)"),
        ("", "(hidden)"),
    ],
)
def test_a_short_secret_is_hidden_whole(secret: str, shown: str) -> None:
    assert mask_secret(secret) == shown


def test_what_is_computed_of_times_is_a_time_and_what_counts_days_is_none() -> None:
    units: dict[Unit, bool] = {"epoch_ms": True, "expiry_ms": True, "seconds": False, "days": False}
    assert {unit: is_time(Column("m", "integer", unit=unit)) for unit in units} == units
    assert expiry_style(Column("min(expiry_time)", "integer", unit="expiry_ms"), 1, 10.0) == "past"
    assert expiry_style(Column("max(creation_time)", "integer", unit="epoch_ms"), 1, 10.0) == ""
