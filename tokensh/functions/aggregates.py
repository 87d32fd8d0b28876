"""Aggregates that SQLite lacks, and the one that gathers values in an order, which SQLite has from 3.44 on."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from tokensh.errors import DataError
from tokensh.functions import SORTED_CONCAT
from tokensh.functions.declaration import FunctionTable
from tokensh.functions.standard import order_key
from tokensh.functions.text import text_of
from tokensh.rows import Row, Value

FUNCTIONS = FunctionTable()
INTERNAL = FunctionTable()
"""What the text for SQLite calls and no statement can."""


def _numbers(rows: Iterable[Row], function: str) -> list[float]:
    values = []
    for (value,) in rows:
        if value is None:
            continue
        try:
            values.append(float(text_of(value)))
        except ValueError:
            raise DataError(f"{function} takes numbers, not {text_of(value)!r}") from None
    return values


def _variance(values: Sequence[float], *, lost: int) -> float | None:
    """Return the mean square of the distances to the mean; `lost` degrees of freedom are those of a sample."""
    if len(values) <= lost:
        return None
    mean = math.fsum(values) / len(values)
    return math.fsum((value - mean) ** 2 for value in values) / (len(values) - lost)


def _root(value: float | None) -> float | None:
    return None if value is None else math.sqrt(value)


@FUNCTIONS.implement_aggregate("stddev(x: number) -> number | the standard deviation of a sample")
@FUNCTIONS.implement_aggregate("stddev_samp(x: number) -> number | the standard deviation of a sample")
def _deviation_of_sample(rows: Sequence[Row]) -> Value:
    return _root(_variance(_numbers(rows, "stddev"), lost=1))


@FUNCTIONS.implement_aggregate("variance(x: number) -> number | the variance of a sample")
@FUNCTIONS.implement_aggregate("var_samp(x: number) -> number | the variance of a sample")
def _variance_of_sample(rows: Sequence[Row]) -> Value:
    return _variance(_numbers(rows, "variance"), lost=1)


@FUNCTIONS.implement_aggregate("stddev_pop(x: number) -> number | the standard deviation of all values")
def _deviation_of_all(rows: Sequence[Row]) -> Value:
    return _root(_variance(_numbers(rows, "stddev_pop"), lost=0))


@FUNCTIONS.implement_aggregate("var_pop(x: number) -> number | the variance of all values")
def _variance_of_all(rows: Sequence[Row]) -> Value:
    return _variance(_numbers(rows, "var_pop"), lost=0)


@FUNCTIONS.implement_aggregate("median(x: number) -> number | the value in the middle, or the mean of the two there")
def _median(rows: Sequence[Row]) -> Value:
    values = sorted(_numbers(rows, "median"))
    if not values:
        return None
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2


@FUNCTIONS.implement_aggregate("mode(x: T) -> T | the value that occurs most often")
def _mode(rows: Sequence[Row]) -> Value:
    counts = Counter(value for (value,) in rows if value is not None)
    most = max(counts.values(), default=0)
    return min((value for value, count in counts.items() if count == most), key=order_key, default=None)


def is_true(value: Value) -> bool:
    """Return whether a value is true as a condition, as SQLite sees it: a number other than 0."""
    if isinstance(value, int | float):
        return value != 0
    try:
        return float(text_of(value)) != 0
    except ValueError:
        return False


@FUNCTIONS.implement_aggregate("bool_and(x: boolean) -> boolean | whether all values that are not NULL are true")
@FUNCTIONS.implement_aggregate("every(x: boolean) -> boolean | whether all values that are not NULL are true")
def _are_all_true(rows: Sequence[Row]) -> Value:
    values = [is_true(value) for (value,) in rows if value is not None]
    return int(all(values)) if values else None


@FUNCTIONS.implement_aggregate("bool_or(x: boolean) -> boolean | whether one of the values is true")
def _is_any_true(rows: Sequence[Row]) -> Value:
    values = [is_true(value) for (value,) in rows if value is not None]
    return int(any(values)) if values else None


@FUNCTIONS.implement_aggregate("count_if(x: boolean) -> integer | how many values are true")
def _count_true(rows: Sequence[Row]) -> Value:
    return sum(value is not None and is_true(value) for (value,) in rows)


def _sort_rows(rows: Iterable[Row], position: int, letter: str) -> list[Row]:
    present = sorted(rows, key=lambda row: order_key(row[position]), reverse=letter in "dD")
    return sorted(present, key=lambda row: (row[position] is None) == letter.isupper())


@INTERNAL.implement_aggregate(
    f"{SORTED_CONCAT}(form: string, x: string, separator: string, key: any, ...) -> string | internal"
)
def _concatenate_sorted(rows: Sequence[Row]) -> Value:
    """Return texts as one: `form` has a letter for each key, and begins with D if equal texts count once.

    Of a key's letter, a and d are the directions; capitals put NULL last.
    """
    present = [row for row in rows if row[1] is not None]
    if not present:
        return None
    form = str(present[0][0])
    # From the last key to the first: a sort keeps the order of what is equal.
    for position, letter in reversed(list(enumerate(form[1:], 3))):
        present = _sort_rows(present, position, letter)
    texts = [text_of(row[1]) for row in present]
    if form[0] == "D":
        texts = list(dict.fromkeys(texts))
    return text_of(present[0][2]).join(texts)
