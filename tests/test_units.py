"""Times are read and written the same on every interpreter, exact to the millisecond."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cases import each_case
from tokensh.units import EPOCH, from_epoch, parse_time

ZONES = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@each_case(
    ("text", "milliseconds"),
    [
        ("1970-01-01", 0),
        ("19700101", 0),
        (" 1970-01-01 00:00:01.5 ", 1_500),
        ("1970-01-01T00:00:01,25", 1_250),
        ("1970-01-01 01", 3_600_000),
        ("19700101T0001", 60_000),
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01 00:00:00 +01:00", -3_600_000),
        ("1970-01-01T00:00:00-0530", 19_800_000),
        ("1969-12-31T23:59:59.9999", -1),
        ("1970-01-01 00:00:00.123456789123", 123),
    ],
)
def test_a_time_is_read_as_milliseconds(text: str, milliseconds: int) -> None:
    assert parse_time(text) == milliseconds


@each_case(
    "text",
    [
        "",
        "tomorrow",
        "2026-13-01",
        "2026-02-30",
        "2026-1-1",
        "202611",
        "2026-01-01 24:00",
        "2026-01-01+01:00",
        "2026-01-01T00:00:00+24:00",
        "2026-01-01x",
        "0000-01-01",
        "2026-W01-1",
        "٢026-01-01",
        "2026-0101",
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"time|offset|range|must be"):
        parse_time(text)


@given(st.datetimes(timezones=st.none() | ZONES), st.sampled_from("T "))
def test_a_time_in_iso_format_is_read_exactly(moment: datetime, separator: str) -> None:
    utc = moment.replace(tzinfo=None) - (moment.utcoffset() or timedelta())
    assert parse_time(moment.isoformat(separator)) == (utc - EPOCH) // timedelta(milliseconds=1)


@given(st.datetimes())
def test_what_from_epoch_gives_is_read_back(moment: datetime) -> None:
    milliseconds = (moment - EPOCH) // timedelta(milliseconds=1)
    assert parse_time(str(from_epoch(milliseconds))) == milliseconds
