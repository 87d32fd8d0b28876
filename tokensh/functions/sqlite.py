"""The functions that SQLite has itself, and Python code for the mathematical ones, which some builds of SQLite lack."""

from __future__ import annotations

import math
from collections.abc import Callable

from tokensh._dataclasses import replace
from tokensh.functions.declaration import Function, FunctionTable, Implementation, declare
from tokensh.rows import Unit, Value

# Grouped by kind, sorted by name where there are many. `count` has a grammar of its own, which its declaration only describes.
_AGGREGATE = """
avg(x: number) -> number | the mean of the values that are not NULL
count(* or [DISTINCT] x: any) -> integer | how many rows, or how many values that are not NULL
group_concat(x: any [, separator: string]) -> string | the values as one text, commas between them
sum(x: N) -> N | the sum; NULL of no values
total(x: number) -> number | the sum as a floating point number; 0.0 of no values
json_group_array(x: any) -> json | the values as a JSON array
json_group_object(name: string, value: any) -> json | the pairs as a JSON object
"""
_WINDOW = """
row_number() -> integer | the row's number in its partition, from 1
rank() -> integer | the rank with gaps
dense_rank() -> integer | the rank without gaps
percent_rank() -> number | the rank as a fraction, from 0 to 1
cume_dist() -> number | the fraction of rows up to this one
ntile(n: integer) -> integer | which of n buckets of the same size
lag(x: T [, offset: integer [, default: T]]) -> T | the value of an earlier row
lead(x: T [, offset: integer [, default: T]]) -> T | the value of a later row
first_value(x: T) -> T | the value of the frame's first row
last_value(x: T) -> T | the value of the frame's last row
nth_value(x: T, n: integer) -> T | the value of the frame's n-th row
"""
_SCALAR = """
abs(x: N) -> N | the absolute value
acos(x: number) -> number | the arc cosine, in radians
acosh(x: number) -> number | the hyperbolic arc cosine
asin(x: number) -> number | the arc sine, in radians
asinh(x: number) -> number | the hyperbolic arc sine
atan(x: number) -> number | the arc tangent, in radians
atan2(y: number, x: number) -> number | the arc tangent of y/x, in radians
atanh(x: number) -> number | the hyperbolic arc tangent
ceil(x: number) -> number | the next whole number up
ceiling(x: number) -> number | the next whole number up
char(code: integer, ...) -> string | the characters of Unicode code points
coalesce(x: T, y: T, ...) -> T | the first value that is not NULL
cos(x: number) -> number | the cosine
cosh(x: number) -> number | the hyperbolic cosine
current_date() -> string | today, UTC, as YYYY-MM-DD
current_time() -> string | the time, UTC, as HH:MM:SS
current_timestamp() -> string | now, UTC, as YYYY-MM-DD HH:MM:SS
date(time: time [, modifier: string ...]) -> string | the date as YYYY-MM-DD
datetime(time: time [, modifier: string ...]) -> string | date and time as YYYY-MM-DD HH:MM:SS
degrees(x: number) -> number | radians as degrees
exp(x: number) -> number | e to the power of x
floor(x: number) -> number | the next whole number down
format(format: string, x: any, ...) -> string | the same as printf
glob(pattern: string, text: string) -> boolean | whether a text matches a pattern with * and ?
hex(x: any) -> string | the bytes as hexadecimal digits
ifnull(x: T, y: T) -> T | x, or y if x is NULL
iif(condition: boolean, yes: T, no: T) -> T | the second if the first is true, else the third
instr(text: string, part: string) -> integer | where a part begins, from 1; 0 if it is not found
json(text: json) -> json | the JSON text without needless blanks
json_array(x: any, ...) -> json | a JSON array
json_array_length(json: json [, path: string]) -> integer | how many elements an array has
json_extract(json: json, path: string, ...) -> json | the value at a path such as '$.name' or '$[0]'
json_insert(json: json, path: string, value: any, ...) -> json | the JSON with values added where they are missing
json_object(name: string, value: any, ...) -> json | a JSON object
json_patch(json: json, patch: json) -> json | the JSON merged with another
json_quote(x: any) -> json | a value as JSON
json_remove(json: json, path: string, ...) -> json | the JSON without what is at the paths
json_replace(json: json, path: string, value: any, ...) -> json | the JSON with values changed where there are some
json_set(json: json, path: string, value: any, ...) -> json | the JSON with values set
json_type(json: json [, path: string]) -> string | object, array, text, integer, real, true, false or null
json_valid(text: json) -> boolean | whether a text is JSON
julianday(time: time [, modifier: string ...]) -> number | the Julian day
length(x: any) -> integer | how many characters, or bytes of a blob
like(pattern: string, text: string [, escape: string]) -> boolean | whether a text matches a pattern with % and _, a to z in any case
ln(x: number) -> number | the natural logarithm
log([base: number,] x: number) -> number | the logarithm, by default of base 10
log10(x: number) -> number | the logarithm of base 10
log2(x: number) -> number | the logarithm of base 2
ltrim(text: string [, characters: string]) -> string | the text without blanks at its start
max(x: T [, y: T ...]) -> T | the largest: of a column, or of several values
min(x: T [, y: T ...]) -> T | the smallest: of a column, or of several values
mod(x: number, y: number) -> number | the remainder of a division
nullif(x: T, y: any) -> T | x, or NULL if both are equal
octet_length(x: any) -> integer | how many bytes
pi() -> number | 3.14159...
pow(x: number, y: number) -> number | x to the power of y
power(x: number, y: number) -> number | x to the power of y
printf(format: string, x: any, ...) -> string | text by a format such as '%05d'
quote(x: any) -> string | a value as an SQL literal
radians(x: number) -> number | degrees as radians
random() -> integer | a random 64-bit integer
randomblob(n: integer) -> any | n random bytes
replace(text: string, from: string, to: string) -> string | the text with every occurrence of a part replaced
round(x: number [, digits: integer]) -> number | the number rounded
rtrim(text: string [, characters: string]) -> string | the text without blanks at its end
sign(x: number) -> integer | -1, 0 or 1
sin(x: number) -> number | the sine
sinh(x: number) -> number | the hyperbolic sine
sqlite_version() -> string | the version of the engine that runs queries
sqrt(x: number) -> number | the square root
strftime(format: string, time: time [, modifier: string ...]) -> string | a time by a format such as '%Y-%m'
substr(text: string, start: integer [, length: integer]) -> string | a part of a text, from 1
substring(text: string, start: integer [, length: integer]) -> string | a part of a text, from 1
tan(x: number) -> number | the tangent
tanh(x: number) -> number | the hyperbolic tangent
time(time: time [, modifier: string ...]) -> string | the time as HH:MM:SS
timediff(a: any, b: any) -> string | the time between two times
trim(text: string [, characters: string]) -> string | the text without blanks at both ends
trunc(x: number) -> number | the number without its fraction
typeof(x: any) -> string | null, integer, real, text or blob
unhex(text: string) -> any | the bytes of hexadecimal digits
unicode(text: string) -> integer | the code point of the first character
unixepoch(time: time [, modifier: string ...]) -> integer | seconds since 1970
zeroblob(n: integer) -> any | n bytes of 0
"""


def _null_outside_domain(function: Callable[..., float]) -> Implementation:
    """Return a function of numbers that gives NULL for what is not a number, or outside of its domain, as SQLite's do."""

    # Python raises for sqrt(-1) and ln(0), where SQLite's own give NULL.
    def call(*values: Value) -> Value:
        if not all(isinstance(value, int | float) for value in values):
            return None
        try:
            return function(*values)
        except (ValueError, OverflowError, ZeroDivisionError):
            return None

    return call


def _compute_log(*values: float) -> float:
    return math.log10(values[0]) if len(values) == 1 else math.log(values[1], values[0])


_SAME_IN_PYTHON = (
    "acos acosh asin asinh atan atan2 atanh ceil cos cosh degrees exp floor log10 log2 pow radians sin sinh sqrt tan tanh"
    " trunc"
)
_FALLBACKS: dict[str, Callable[..., float]] = {
    **{name: getattr(math, name) for name in _SAME_IN_PYTHON.split()},
    "ceiling": math.ceil,
    "ln": math.log,
    "log": _compute_log,
    "mod": math.fmod,  # the sign of the dividend, as in C and SQLite; Python's % has that of the divisor
    "pi": lambda: math.pi,
    "power": math.pow,
}


_UNITS: dict[str, Unit] = {"julianday": "days", "unixepoch": "seconds"}


def _declare_all() -> FunctionTable:
    functions = [
        *(declare(line, "aggregate") for line in _AGGREGATE.strip().splitlines()),
        *(declare(line, "window") for line in _WINDOW.strip().splitlines()),
        *(declare(line) for line in _SCALAR.strip().splitlines()),
    ]
    table = FunctionTable({function.name: _with_fallback(function) for function in functions})
    for name, unit in _UNITS.items():
        table[name] = replace(table[name], unit=unit)
    return table


def _with_fallback(function: Function) -> Function:
    fallback = _FALLBACKS.get(function.name)
    if fallback is None:
        return function
    return replace(function, implementation=_null_outside_domain(fallback), is_fallback=True)


FUNCTIONS = _declare_all()
