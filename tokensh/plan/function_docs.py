"""The functions that statements may call: signatures and one-line descriptions, for SHOW FUNCTIONS and completion."""

from __future__ import annotations

from functools import cache

from tokensh._dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Function:
    """One function: `kind` is scalar, aggregate or window."""

    name: str
    signature: str
    kind: str
    description: str


_TEXT = """
# aggregate
avg(x) | the mean of the values that are not NULL
count(* or [DISTINCT] x) | how many rows, or how many values that are not NULL
group_concat(x [, separator]) | the values as one text, commas between them
string_agg(x, separator) | the values as one text
sum(x) | the sum; NULL of no values
total(x) | the sum as a floating point number; 0.0 of no values
json_group_array(x) | the values as a JSON array
json_group_object(name, value) | the pairs as a JSON object
# window
row_number() | the row's number in its partition, from 1
rank() | the rank with gaps
dense_rank() | the rank without gaps
percent_rank() | the rank as a fraction, from 0 to 1
cume_dist() | the fraction of rows up to this one
ntile(n) | which of n buckets of the same size
lag(x [, offset [, default]]) | the value of an earlier row
lead(x [, offset [, default]]) | the value of a later row
first_value(x) | the value of the frame's first row
last_value(x) | the value of the frame's last row
nth_value(x, n) | the value of the frame's n-th row
# scalar
abs(x) | the absolute value
acos(x) | the arc cosine, in radians
acosh(x) | the hyperbolic arc cosine
asin(x) | the arc sine, in radians
asinh(x) | the hyperbolic arc sine
atan(x) | the arc tangent, in radians
atan2(y, x) | the arc tangent of y/x, in radians
atanh(x) | the hyperbolic arc tangent
aws_policy_equal(a, b) | whether two AWS policies say the same
ceil(x) | the next whole number up
ceiling(x) | the next whole number up
char(code, ..) | the characters of Unicode code points
coalesce(x, y, ..) | the first value that is not NULL
concat(x, ..) | the values one behind the other, NULL as nothing
concat_ws(separator, x, ..) | the values that are not NULL, the separator between them
cos(x) | the cosine
cosh(x) | the hyperbolic cosine
current_date() | today, UTC, as YYYY-MM-DD
current_time() | the time, UTC, as HH:MM:SS
current_timestamp() | now, UTC, as YYYY-MM-DD HH:MM:SS
date(time [, modifier ..]) | the date as YYYY-MM-DD
datetime(time [, modifier ..]) | date and time as YYYY-MM-DD HH:MM:SS
days_left(ms) | days until an expiry in epoch milliseconds; NULL for one that never comes (-1)
degrees(x) | radians as degrees
error(message) | fails with the message: a script that checks something stops there
exp(x) | e to the power of x
expires_in(ms) | an expiry in epoch milliseconds in words: in 3d, 2h ago, never
floor(x) | the next whole number down
format(format, x, ..) | as printf
from_ms(ms) | epoch milliseconds as YYYY-MM-DD HH:MM:SS, UTC; NULL for -1
glob(pattern, text) | whether a text matches a pattern with * and ?
hex(x) | the bytes as hexadecimal digits
if(condition, yes [, no]) | the second where the first is true, else the third
ifnull(x, y) | x, or y where x is NULL
iif(condition, yes, no) | the second where the first is true, else the third
instr(text, part) | where a part begins, from 1; 0 where there is none
json(text) | the JSON text without needless blanks
json_array(x, ..) | a JSON array
json_array_length(json [, path]) | how many elements an array has
json_equal(a, b) | whether two JSON texts say the same, whatever the order of their keys
json_extract(json, path, ..) | the value at a path such as '$.name' or '$[0]'
json_extract_path_text(json, key, ..) | the value below keys, as text
json_insert(json, path, value, ..) | the JSON with values added where there are none
json_object(name, value, ..) | a JSON object
json_patch(json, patch) | the JSON merged with another
json_quote(x) | a value as JSON
json_remove(json, path, ..) | the JSON without what is at the paths
json_replace(json, path, value, ..) | the JSON with values changed where there are some
json_set(json, path, value, ..) | the JSON with values set
json_type(json [, path]) | object, array, text, integer, real, true, false or null
json_valid(text) | whether a text is JSON
julianday(time [, modifier ..]) | the Julian day
left(text, n) | the first n characters
length(x) | how many characters, or bytes of a blob
like(pattern, text [, escape]) | whether a text matches a pattern with % and _
ln(x) | the natural logarithm
log([base,] x) | the logarithm, by default of base 10
log10(x) | the logarithm of base 10
log2(x) | the logarithm of base 2
lower(text) | the text in small letters (ASCII)
ltrim(text [, characters]) | the text without blanks at its start
max(x [, y ..]) | the largest: of a column, or of several values
min(x [, y ..]) | the smallest: of a column, or of several values
mod(x, y) | the remainder of a division
nullif(x, y) | x, or NULL where both are equal
octet_length(x) | how many bytes
pi() | 3.14159..
pow(x, y) | x to the power of y
power(x, y) | x to the power of y
printf(format, x, ..) | text by a format such as '%05d'
quote(x) | a value as an SQL literal
radians(x) | degrees as radians
random() | a random 64-bit integer
randomblob(n) | n random bytes
regexp(pattern, text) | what the operator REGEXP does
regexp_instr(text, pattern) | where the first match begins, from 1; 0 where there is none
regexp_like(text, pattern [, flags]) | whether a regular expression is found
regexp_replace(text, pattern, replacement [, flags]) | the text with every match replaced
regexp_substr(text, pattern [, flags]) | the first part that matches; NULL where none does
replace(text, from, to) | the text with every occurrence of a part replaced
reverse(text) | the characters from the last to the first
right(text, n) | the last n characters
round(x [, digits]) | the number rounded
rtrim(text [, characters]) | the text without blanks at its end
sha256(text) | the SHA-256 in hexadecimal digits: of a token's value it is the token's id
sign(x) | -1, 0 or 1
sin(x) | the sine
sinh(x) | the hyperbolic sine
split_part(text, separator, n) | the n-th part, from 1, or from the end if negative
sqlite_version() | the version of the engine that runs queries
sqrt(x) | the square root
strftime(format, time [, modifier ..]) | a time by a format such as '%Y-%m'
substr(text, start [, length]) | a part of a text, from 1
substring(text, start [, length]) | a part of a text, from 1
tan(x) | the tangent
tanh(x) | the hyperbolic tangent
time(time [, modifier ..]) | the time as HH:MM:SS
timediff(a, b) | the time between two times
to_ms(time) | a time such as '2026-12-31' as epoch milliseconds
trim(text [, characters]) | the text without blanks at both ends
trunc(x) | the number without its fraction
typeof(x) | null, integer, real, text or blob
unhex(text) | the bytes of hexadecimal digits
unicode(text) | the code point of the first character
unixepoch(time [, modifier ..]) | seconds since 1970
upper(text) | the text in capital letters (ASCII)
zeroblob(n) | n bytes of 0
"""


@cache
def functions() -> dict[str, Function]:
    """All functions by name; which of them there are depends on the SQLite that is installed."""
    found: dict[str, Function] = {}
    kind = ""
    for line in _TEXT.strip().splitlines():
        if line.startswith("# "):
            kind = line[2:]
            continue
        signature, _, description = line.partition(" | ")
        name = signature.partition("(")[0]
        found[name] = Function(name, signature, kind, description)
    return found
