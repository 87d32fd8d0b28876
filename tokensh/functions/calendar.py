"""Functions that calculate with times: texts such as '2026-12-31 23:59:59', and the API's epoch milliseconds.

What goes in comes out: a date stays a date as long as whole days are added to it, a date and time stays one, and milliseconds
stay milliseconds, to the millisecond. Everything is in UTC. -1 means "never", and gives NULL.
"""

from __future__ import annotations

import time
from calendar import monthrange
from datetime import datetime

from tokensh.errors import DataError
from tokensh.functions import ADD_INTERVAL, TO_DATE, TO_TIMESTAMP
from tokensh.functions.declaration import FunctionTable
from tokensh.functions.standard import whole_number
from tokensh.functions.text import text_of
from tokensh.rows import Value
from tokensh.units import (
    DAY,
    EPOCH,
    MILLISECOND,
    NEVER,
    SECOND,
    format_epoch,
    from_epoch,
    parse_interval,
    parse_time,
    suggest_time,
    time_unit,
)

FUNCTIONS = FunctionTable()
INTERNAL = FunctionTable()
"""What the text for SQLite calls and no statement can."""

_DATE_LENGTH = len("2026-12-31")
_PARTS = (
    "year, quarter, month, week, day, hour, minute, second, millisecond, microsecond, dow, isodow, doy, isoyear, epoch,"
    " decade or century"
)


def _read_time(value: Value) -> int | None:
    """Return a text or epoch milliseconds as epoch milliseconds; None for NULL and for "never". Raises DataError."""
    if value is None or (value == NEVER and not isinstance(value, str)):
        return None
    try:
        milliseconds = int(value) if isinstance(value, int | float) else parse_time(text_of(value))
        from_epoch(milliseconds)
    except ValueError:
        raise DataError(f"invalid time: {text_of(value)!r}", hint=suggest_time(text_of(value))) from None
    except OverflowError:
        raise DataError(
            f"invalid time: {text_of(value)} milliseconds since 1970 are outside the years 1 to 9999"
        ) from None
    return milliseconds


def _read_unit(name: str) -> tuple[int, int]:
    try:
        return time_unit(name)
    except ValueError:
        raise DataError(
            f"unknown unit: {name!r}", hint="the units are year, quarter, month, week, day, hour, minute and second"
        ) from None


def _write_time(milliseconds: int, like: Value) -> Value:
    """Return a time in the form of `like`: milliseconds, a date, or a date and time."""
    if isinstance(like, int | float):
        return milliseconds
    text = format_epoch(milliseconds)
    is_date = len(text_of(like).strip()) <= _DATE_LENGTH and milliseconds % DAY == 0
    return text[:_DATE_LENGTH] if is_date else text


def _shift_time(value: Value, months: int, milliseconds: int) -> Value:
    start = _read_time(value)
    if start is None:
        return None
    try:
        if months:
            moment = from_epoch(start)
            year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
            # The last day of a shorter month: January 31 and a month is February 28.
            day = min(moment.day, monthrange(year, month + 1)[1])
            start += (moment.replace(year=year, month=month + 1, day=day) - moment) // MILLISECOND
        return _write_time(start + milliseconds, value)
    except (ValueError, OverflowError):
        raise DataError(f"{text_of(value)!r} and the interval are outside the years 1 to 9999") from None


def _shift_by_unit(value: Value, amount: Value, unit: str) -> Value:
    if amount is None:
        return None
    months, milliseconds = _read_unit(unit)
    if months:
        return _shift_time(value, months * whole_number(amount, "an interval of months"), 0)
    try:
        return _shift_time(value, 0, round(float(text_of(amount)) * milliseconds))
    except (ValueError, OverflowError):
        raise DataError(f"an interval takes a number, not {text_of(amount)!r}") from None


@INTERNAL.implement(f"{ADD_INTERVAL}(time: any, sign: integer, amount: any, unit: string) -> any | internal")
def _add_interval(value: Value, sign: Value, amount: Value, unit: Value) -> Value:
    if amount is None:
        return None
    factor = -1 if sign == -1 else 1
    if unit:
        try:
            number = float(text_of(amount)) * factor
        except ValueError:
            raise DataError(f"an interval takes a number, not {text_of(amount)!r}") from None
        return _shift_by_unit(value, number, text_of(unit))
    months, milliseconds = parse_interval(text_of(amount))
    return _shift_time(value, factor * months, factor * milliseconds)


def _refuse_number(value: Value, word: str) -> None:
    if isinstance(value, int | float):
        hint = "from_ms(x) reads epoch milliseconds, from_unixtime(x) seconds"
        raise DataError(f"a number is not a {word}: {text_of(value)}", hint=hint)


@INTERNAL.implement(f"{TO_TIMESTAMP}(time: any) -> string | internal")
def _cast_to_timestamp(value: Value) -> Value:
    _refuse_number(value, "time")
    milliseconds = _read_time(value)
    return None if milliseconds is None else format_epoch(milliseconds)


@INTERNAL.implement(f"{TO_DATE}(time: any) -> string | internal")
@FUNCTIONS.implement("to_date(time: string) -> string | the date of a text, as YYYY-MM-DD")
def _cast_to_date(value: Value) -> Value:
    _refuse_number(value, "date")
    milliseconds = _read_time(value)
    return None if milliseconds is None else format_epoch(milliseconds)[:_DATE_LENGTH]


@FUNCTIONS.implement("from_unixtime(seconds: number) -> string | seconds since 1970 as YYYY-MM-DD HH:MM:SS, UTC")
def _format_seconds(seconds: Value) -> Value:
    if seconds is None:
        return None
    try:
        return format_epoch(round(float(text_of(seconds)) * SECOND))
    except ValueError:
        raise DataError(f"from_unixtime takes seconds since 1970, not {text_of(seconds)!r}") from None
    except OverflowError:
        message = f"invalid time: {text_of(seconds)} seconds since 1970 are outside the years 1 to 9999"
        raise DataError(message, hint="from_ms(x) reads milliseconds") from None


@FUNCTIONS.implement("to_timestamp(time: any) -> string | a text, or seconds since 1970, as YYYY-MM-DD HH:MM:SS, UTC")
def _read_timestamp(value: Value) -> Value:
    return _format_seconds(value) if isinstance(value, int | float) else _cast_to_timestamp(value)


@FUNCTIONS.implement(
    "unix_timestamp([time: any]) -> integer | a time as seconds since 1970, by default now",
    deterministic=False,
    unit="seconds",
)
def _count_seconds(*values: Value) -> Value:
    if not values:
        return int(time.time())
    milliseconds = _read_time(values[0])
    return None if milliseconds is None else milliseconds // SECOND


# ---- parts


def _part_of(moment: datetime, field: str) -> Value:
    match field:
        case "quarter":
            return (moment.month + 2) // 3
        case "week":
            return moment.isocalendar()[1]
        case "isoyear":
            return moment.isocalendar()[0]
        case "isodow":
            return moment.isoweekday()
        case "dow":
            return moment.isoweekday() % 7
        case "doy":
            return moment.timetuple().tm_yday
        case "epoch":
            milliseconds = (moment - EPOCH) // MILLISECOND
            return milliseconds / SECOND if milliseconds % SECOND else milliseconds // SECOND
        case "second":
            return moment.second + moment.microsecond / 1e6 if moment.microsecond else moment.second
        case "millisecond":
            return moment.second * 1000 + moment.microsecond // 1000
        case "microsecond":
            return moment.second * 1_000_000 + moment.microsecond
        case "decade":
            return moment.year // 10
        case "century":
            return (moment.year + 99) // 100
        case "year" | "month" | "day" | "hour" | "minute":
            return int(getattr(moment, field))
        case _:
            raise DataError(f"a time has no part {field!r}", hint=f"the parts are {_PARTS}")


_OTHER_FIELDS = {"dayofweek": "dow", "dayofyear": "doy", "weekday": "dow", "yearofweek": "isoyear"}


@FUNCTIONS.implement(
    "date_part(part: string, time: any) -> number | a part of a time: year, month, day, hour, dow, epoch, ..."
)
def _extract_part(field: Value, value: Value) -> Value:
    milliseconds = _read_time(value)
    if milliseconds is None or field is None:
        return None
    name = text_of(field).lower()
    name = name if name in _OTHER_FIELDS else name.removesuffix("s")
    return _part_of(from_epoch(milliseconds), _OTHER_FIELDS.get(name, name))


@FUNCTIONS.implement("year(time: any) -> integer | the year of a time")
def _year(value: Value) -> Value:
    return _extract_part("year", value)


@FUNCTIONS.implement("quarter(time: any) -> integer | the quarter of a time, from 1 to 4")
def _quarter(value: Value) -> Value:
    return _extract_part("quarter", value)


@FUNCTIONS.implement("month(time: any) -> integer | the month of a time, from 1 to 12")
def _month(value: Value) -> Value:
    return _extract_part("month", value)


@FUNCTIONS.implement("day(time: any) -> integer | the day of the month of a time")
@FUNCTIONS.implement("dayofmonth(time: any) -> integer | the day of the month of a time")
def _day(value: Value) -> Value:
    return _extract_part("day", value)


@FUNCTIONS.implement("hour(time: any) -> integer | the hour of a time")
def _hour(value: Value) -> Value:
    return _extract_part("hour", value)


@FUNCTIONS.implement("minute(time: any) -> integer | the minute of a time")
def _minute(value: Value) -> Value:
    return _extract_part("minute", value)


@FUNCTIONS.implement("second(time: any) -> integer | the second of a time, without its fraction")
def _second(value: Value) -> Value:
    milliseconds = _read_time(value)
    return None if milliseconds is None else from_epoch(milliseconds).second


@FUNCTIONS.implement("dayofweek(time: any) -> integer | the day of the week of a time: 1 is Sunday, 7 Saturday")
def _day_of_week(value: Value) -> Value:
    milliseconds = _read_time(value)
    return None if milliseconds is None else from_epoch(milliseconds).isoweekday() % 7 + 1


@FUNCTIONS.implement("dayofyear(time: any) -> integer | the day of the year of a time, from 1")
def _day_of_year(value: Value) -> Value:
    return _extract_part("doy", value)


@FUNCTIONS.implement("weekofyear(time: any) -> integer | the week of a time, from 1, as ISO 8601 counts them")
def _week_of_year(value: Value) -> Value:
    return _extract_part("week", value)


# ---- calculation


@FUNCTIONS.implement(
    "date_trunc(unit: string, time: any) -> string | the start of the year, month, week, day, hour, ... of a time"
)
def _truncate_time(unit: Value, value: Value) -> Value:
    milliseconds = _read_time(value)
    if milliseconds is None or unit is None:
        return None
    months, size = _read_unit(text_of(unit))
    moment = from_epoch(milliseconds)
    if months:
        number = moment.year * 12 + moment.month - 1
        number -= number % months
        start = (datetime(number // 12, number % 12 + 1, 1) - EPOCH) // MILLISECOND
    elif size == 7 * DAY:
        # Weeks begin on Monday; the first day of 1970 was a Thursday.
        start = milliseconds - (milliseconds + 3 * DAY) % size
    else:
        start = milliseconds - milliseconds % max(size, 1)
    return _write_time(start, format_epoch(milliseconds) if isinstance(value, int | float) else value)


@FUNCTIONS.implement(
    "date_add(time: T, days: integer) -> T | a time some days later; for other units: x + INTERVAL 1 MONTH"
)
def _add_days(value: Value, days: Value) -> Value:
    return _shift_by_unit(value, None if days is None else whole_number(days, "date_add"), "day")


@FUNCTIONS.implement("date_sub(time: T, days: integer) -> T | a time some days earlier")
def _subtract_days(value: Value, days: Value) -> Value:
    return _shift_by_unit(value, None if days is None else -whole_number(days, "date_sub"), "day")


@FUNCTIONS.implement("add_months(time: T, months: integer) -> T | a time some months later")
def _add_months(value: Value, months: Value) -> Value:
    return _shift_by_unit(value, months, "month")


@FUNCTIONS.implement("dateadd(unit: string, n: integer, time: T) -> T | a time some units later")
@FUNCTIONS.implement("timestampadd(unit: string, n: integer, time: T) -> T | a time some units later")
def _add_units(unit: Value, amount: Value, value: Value) -> Value:
    return None if unit is None else _shift_by_unit(value, amount, text_of(unit))


@FUNCTIONS.implement("last_day(time: any) -> string | the last day of a time's month, as YYYY-MM-DD")
def _last_day(value: Value) -> Value:
    milliseconds = _read_time(value)
    if milliseconds is None:
        return None
    moment = from_epoch(milliseconds)
    return f"{moment.year:04}-{moment.month:02}-{monthrange(moment.year, moment.month)[1]:02}"


def _count_units(unit: str, start: int, end: int) -> int:
    """Return how many whole units lie between two times; negative if the end is before the start."""
    if end < start:
        return -_count_units(unit, end, start)
    months, size = _read_unit(unit)
    if not months:
        return (end - start) // max(size, 1)
    first, last = from_epoch(start), from_epoch(end)
    between = (last.year - first.year) * 12 + last.month - first.month
    is_incomplete = (last.day, last.time()) < (first.day, first.time())
    return (between - is_incomplete) // months


@FUNCTIONS.implement(
    "datediff(end: any, start: any) -> integer | the days from one date to another; also (unit, start, end)"
)
@FUNCTIONS.implement(
    "date_diff(end: any, start: any) -> integer | the days from one date to another; also (unit, start, end)"
)
def _count_days_between(end: Value, start: Value) -> Value:
    last, first = _read_time(end), _read_time(start)
    return None if last is None or first is None else last // DAY - first // DAY


@FUNCTIONS.implement(
    "timestampdiff(unit: string, start: any, end: any) -> integer | the whole units from one time to another"
)
def _count_units_between(unit: Value, start: Value, end: Value) -> Value:
    last, first = _read_time(end), _read_time(start)
    return None if unit is None or last is None or first is None else _count_units(text_of(unit), first, last)
