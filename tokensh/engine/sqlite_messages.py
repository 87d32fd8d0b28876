"""What SQLite says, in words of ours: SQLite has one error code for most mistakes, and tells them apart only in English.

A user never reads SQLite's own text. Each entry says which node of the statement is to blame (`culprit`), so that the error gets
a position (`engine.sqlite_errors`). Most mistakes in a query are found before, by `tokensh.plan`, with a position of their own.
"""

from __future__ import annotations

import re
from functools import cache

from tokensh._dataclasses import dataclass
from tokensh.errors import EvaluationError, NotSupportedError, ProgrammingError, QueryRefused


@dataclass(frozen=True, slots=True)
class SqliteMessage:
    """A message of SQLite, or several, and what a user reads instead.

    Attributes:
        pattern: a regular expression for the beginning of the text.
        message: what is wrong; `{0}` and `{1}` are what the pattern's groups hold.
        culprit: the kind of node to blame, with the name it has: `call {0}`, `json`, `limit`.
        hint: what to do.
        when: whether a query is refused, or a value while it runs.
    """

    pattern: str
    message: str
    culprit: str
    hint: str | None = None
    when: type[QueryRefused] | type[EvaluationError] = QueryRefused


_JSON_HINT = "json_valid(x) tells which texts are JSON"
_PATH_HINT = "a path is written '$.name', '$[0]' or '$.list[0].name'"
_WITHIN = "SELECT ... FROM (SELECT ...) AS t makes a query of the result"
_FRAME_HINT = "an offset of ROWS and GROUPS is a whole number that is not negative, one of RANGE a number"
_RECURSION_HINT = "the arm behind UNION ALL names its own table once, in FROM, without aggregates"

MESSAGES = (
    # ---- calls
    SqliteMessage(r"wrong number of arguments to function (\w+)\(\)", "{0}() is given the wrong number of arguments", "call {0}", "SHOW FUNCTIONS LIKE '{0}' shows its arguments"),
    SqliteMessage(r"too many arguments on function (\w+)", "{0}() is given too many arguments", "call {0}", "SHOW FUNCTIONS LIKE '{0}' shows its arguments"),
    SqliteMessage(r"misuse of (?:aliased )?aggregate(?: function)?:? (\w+)", "the aggregate {0} cannot be used here", "call {0}", "aggregates belong into SELECT, HAVING and ORDER BY; " + _WITHIN),
    SqliteMessage(r"misuse of (?:aliased )?window function (\w+)", "the window function {0} cannot be used here", "call {0}", "window functions belong into SELECT and ORDER BY; " + _WITHIN),
    SqliteMessage(r"aggregate functions are not allowed in the GROUP BY clause", "GROUP BY cannot use an aggregate", "group"),
    SqliteMessage(r"DISTINCT aggregates must have exactly one argument", "DISTINCT takes one argument", "distinct", "leave the separator out, or make the values distinct in a query in FROM"),
    SqliteMessage(r"DISTINCT is not supported for window functions", "DISTINCT cannot be combined with OVER", "distinct"),
    SqliteMessage(r"(\w+)\(\) may not be used as a window function", "{0}() takes no OVER", "call {0}"),
    SqliteMessage(r"FILTER (?:clause )?may (?:not|only) be used with", "FILTER belongs to an aggregate", "filter"),
    SqliteMessage(r"FILTER may not be used with non-aggregate (\w+)", "{0}() takes no FILTER: it is not an aggregate", "call {0}"),
    SqliteMessage(r"DISTINCT may not be used with non-aggregate (\w+)", "{0}() takes no DISTINCT: it is not an aggregate", "call {0}"),
    SqliteMessage(r"ORDER BY may not be used with non-aggregate (\w+)", "{0}() takes no ORDER BY: it is not an aggregate", "call {0}"),
    SqliteMessage(r'near "ORDER"', "ORDER BY inside of a function needs SQLite 3.44 or newer", "order in a call", "sort a query in FROM, and aggregate that"),
    SqliteMessage(r"no such function: (\w+)", "the function {0}() is missing in this SQLite", "call {0}", "SHOW FUNCTIONS lists those that are there"),
    SqliteMessage(r"unable to use function (\w+) in the requested context", "{0} cannot be used here", "match", "LIKE and REGEXP compare texts"),
    SqliteMessage(r"non-deterministic use of (\w+)", "{0}() gives other values each time, so it cannot be used here", "call {0}"),
    # ---- windows
    SqliteMessage(r"no such window: (.+)", "unknown window {0!r}", "window", "WINDOW name AS (...) defines one"),
    SqliteMessage(r"cannot override (.+) of window: (.+)", "the window {1!r} has its own {0}", "window"),
    SqliteMessage(r'near "(?:UNBOUNDED|FOLLOWING|PRECEDING|CURRENT)"', "this frame is not offered", "window", "a frame goes from an earlier row to a later one"),
    SqliteMessage(r"unsupported frame specification", "this frame is not offered", "window", "a frame goes from an earlier row to a later one"),
    SqliteMessage(r"RANGE with offset PRECEDING/FOLLOWING requires one ORDER BY", "RANGE with an offset needs an ORDER BY of one expression", "window"),
    SqliteMessage(r"GROUPS mode requires an ORDER BY", "GROUPS needs an ORDER BY", "window"),
    SqliteMessage(r"frame (starting|ending) offset must be", "the {0} offset of the frame is not a number that fits", "window", _FRAME_HINT, EvaluationError),
    SqliteMessage(r"argument of ntile must be", "ntile() takes a whole number from 1", "call ntile", None, EvaluationError),
    SqliteMessage(r"second argument to nth_value must be", "nth_value() takes a whole number from 1", "call nth_value", None, EvaluationError),
    # ---- rows and subqueries
    SqliteMessage(r"row value misused", "a row of several values can only be compared with another row", "row"),
    SqliteMessage(r"sub-select returns (\d+) columns? - expected (\d+)", "this query has {0} columns, and {1} is expected here", "subquery"),
    SqliteMessage(r"IN\(\.\.\.\) element has (\d+) terms? - expected (\d+)", "a row of {0} is compared with one of {1}", "row"),
    SqliteMessage(r"(\d+) columns assigned (\d+) values", "{0} columns are given {1} values", "row"),
    SqliteMessage(r"all VALUES must have the same number of terms", "the rows of VALUES differ in length", "values"),
    SqliteMessage(r"SELECTs to the left and right of (.+) do not have", "the sides of {0} differ in their number of columns", "compound"),
    SqliteMessage(r"(?:HAVING clause on a non-aggregate query|a GROUP BY clause is required before HAVING)", "HAVING needs GROUP BY or an aggregate", "having", "WHERE chooses rows"),
    SqliteMessage(r"(\d+)\w\w (ORDER|GROUP) BY term (?:out of range|does not match)", "term {0} of {1} BY is not a column of the result", "select"),
    SqliteMessage(r"(?:ORDER BY|LIMIT) clause should come after (.+) not before", "ORDER BY and LIMIT come after {0}", "compound", "put the first query into parentheses"),
    SqliteMessage(r"datatype mismatch", "LIMIT and OFFSET take a whole number", "limit", None, EvaluationError),
    SqliteMessage(r"no such collation sequence: (.+)", "unknown collation {0!r}", "collate {0}", "BINARY, NOCASE, RTRIM"),
    # ---- recursion
    SqliteMessage(r"multiple references to recursive table: (.+)", "a recursive query can name its own table {0!r} once", "recursion", _RECURSION_HINT),
    SqliteMessage(r"(?:multiple )?recursive references? (?:in a subquery: |to )?(.+)", "the recursive query {0!r} cannot be named here", "recursion", _RECURSION_HINT),
    SqliteMessage(r"recursive aggregate queries not supported", "a recursive query cannot use aggregates", "recursion", _RECURSION_HINT),
    SqliteMessage(r"cannot use window functions in recursive queries", "a recursive query cannot use window functions", "recursion", _RECURSION_HINT),
    SqliteMessage(r"circular reference: (.+)", "{0!r} refers to itself", "recursion", "WITH RECURSIVE begins with an arm that does not"),
    # ---- joins
    SqliteMessage(r"ON clause references tables to its right", "ON names a table that comes later", "on", "change the order of the tables"),
    SqliteMessage(r"a NATURAL join may not have", "a NATURAL join takes no ON and no USING", "on"),
    SqliteMessage(r"a JOIN clause is required before ON", "ON belongs to a JOIN", "on"),
    # ---- values, while the query runs
    SqliteMessage(r"malformed JSON", "a text is not valid JSON", "json", _JSON_HINT, EvaluationError),
    SqliteMessage(r"(?:JSON path error near|bad JSON path:|JSON path) '?(.*?)'?$", "{0!r} is not a path into JSON", "json", _PATH_HINT, EvaluationError),
    SqliteMessage(r"json_object\(\) requires an even number", "json_object() takes names and values in pairs", "call json_object"),
    SqliteMessage(r"json_object\(\) labels must be TEXT", "a name in json_object() is not a text", "call json_object", None, EvaluationError),
    SqliteMessage(r"(json_\w+)\(\) needs an odd number", "{0}() takes the JSON, then paths and values in pairs", "call {0}"),
    SqliteMessage(r"JSON cannot hold BLOB values", "JSON cannot hold bytes", "json", "hex(x) writes bytes as text", EvaluationError),
    SqliteMessage(r"integer overflow", "a whole number has more than 64 bits", "sum", "total(x) sums as floating point numbers", EvaluationError),
    SqliteMessage(r"ESCAPE expression must be a single character", "ESCAPE takes a single character", "match", None, EvaluationError),
    SqliteMessage(r"LIKE or GLOB pattern too complex", "the pattern is too long", "match", None, EvaluationError),
    SqliteMessage(r"unknown format specifier|invalid format", "the format is not valid", "call printf", None, EvaluationError),
    SqliteMessage(r"cannot open value of type", "a value cannot be read here", "select", None, EvaluationError),
    # ---- names: found by the planner, unless an alias of the statement is not visible where it is used
    SqliteMessage(r"no such column: (.+)", "the name {0!r} cannot be used here", "column {0}", _WITHIN),
    SqliteMessage(r"ambiguous column name: (.+)", "the name {0!r} means several columns here", "column {0}", "write table.column"),
    SqliteMessage(r"no such table: (.+)", "the table {0!r} cannot be used here", "table {0}"),
    SqliteMessage(r"no query solution", "the arguments of a table function are missing", "table function"),
    SqliteMessage(r"'?(.+?)'? is not a function", "{0!r} is not a table function", "table function"),
    SqliteMessage(r"string or blob too big", "a value is longer than a gigabyte", "select", None, EvaluationError),
    SqliteMessage(r"hex literal too big", "a hexadecimal number has more than 64 bits", "number"),
)  # fmt: skip

# Most of SQLite's limits have no error code of their own (all are SQLITE_ERROR).
_LIMITS = (
    (r"too many terms in compound SELECT", "there are too many arms of UNION, INTERSECT and EXCEPT"),
    (r"too many terms in (\w+ BY)", "there are too many terms in {0}"),
    (r"too many columns", "there are too many columns"),
    (r"too many FROM clause terms|at most \d+ tables in a join", "more than 64 tables are joined"),
    (r"too many references to", "a table is named too often"),
    (r"too many arguments on function (\w+)", "{0}() is given too many arguments"),
    (r"Expression tree is too large|parser stack overflow", "an expression is nested too deeply"),
    (r"too many|at most|too large", "it exceeds a limit of SQLite"),
)
_FILE_REASONS = (
    ("database is locked", "another session is using it"),
    ("database table is locked", "another session is using it"),
    ("file is not a database", "it is not a file of tokensh"),
    ("file is encrypted", "it is not a file of tokensh"),
    ("malformed", "the file is damaged"),
    ("readonly", "it cannot be written"),
    ("read-only", "it cannot be written"),
    ("unable to open", "it cannot be opened"),
    ("disk is full", "the disk is full"),
    ("disk i/o error", "the disk cannot be read or written"),
    ("no such table", "it is not a file of tokensh"),
    ("no such column", "it was written by another version of tokensh"),
    ("already exists", "it is not a file of tokensh"),
    ("out of memory", "there is not enough memory"),
)


@cache
def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


def find_limit(text: str) -> NotSupportedError | None:
    """Return the error for a message about one of SQLite's limits, or None."""
    for pattern, message in _LIMITS:
        found = _compile(pattern).search(text)
        if found is not None:
            reason = message.format(*found.groups())
            return NotSupportedError(f"the query is too large: {reason}", hint="divide it into several statements")
    return None


def translate_message(text: str) -> ProgrammingError | EvaluationError:
    """Return our error for a message of SQLite about a query or a value; its `culprit` tells where to look for the place."""
    for entry in MESSAGES:
        found = _compile(entry.pattern).match(text)
        if found is not None:
            groups = [name.replace('"', "") for name in found.groups()]
            hint = entry.hint.format(*groups) if entry.hint else None
            return entry.when(entry.message.format(*groups), culprit=entry.culprit.format(*groups), hint=hint)
    # No text of SQLite is passed on; the error that caused this one has it.
    return QueryRefused(
        "this query cannot be run", culprit="select", hint="write it in another way, or in several steps"
    )


def file_reason(error: BaseException) -> str:
    """Return why a file of ours cannot be used, given the error of SQLite or of the system."""
    if isinstance(error, OSError):
        return error.strerror or "it cannot be opened"
    text = str(error).lower()
    return next((reason for words, reason in _FILE_REASONS if words in text), "it cannot be read or written")


def constraint_reason(text: str) -> str:
    """Return why a local table refuses a row."""
    kind, _, names = text.partition(" constraint failed: ")
    names = names.removeprefix("index ")
    columns = ", ".join(name.rpartition(".")[2] for name in names.split(", "))
    match kind:
        case "UNIQUE":
            return f"another row has the same {columns}, which is UNIQUE"
        case "NOT NULL":
            return f"{columns} must not be NULL"
        case "CHECK":
            return f"the condition of CHECK does not hold: {names}"
        case "FOREIGN KEY constraint failed":
            return "a row that REFERENCES names would be missing"
        case "datatype mismatch":
            return "an INTEGER PRIMARY KEY takes whole numbers"
        case _:
            return "a constraint does not hold"


def value_reason(text: str) -> str | None:
    """Return why a CHECK or DEFAULT cannot be computed, or None for a message that is not about a value."""
    entries = (entry for entry in MESSAGES if entry.when is EvaluationError)
    entry = next((entry for entry in entries if _compile(entry.pattern).match(text)), None)
    return f"CHECK or DEFAULT cannot be computed: {translate_message(text).message}" if entry else None


_DEFINITIONS = (
    (r"duplicate column name: (.+)", "the column {0!r} is there twice"),
    (r".* has more than one primary key", "there is more than one PRIMARY KEY"),
    (r"table \S+ has no column named (.+)", "a constraint names the unknown column {0!r}"),
    (r'unknown column "(.+?)" in', "a constraint names the unknown column {0!r}"),
    (r"no such column: (.+)", "a constraint names the unknown column {0!r}"),
    (r"default value of column \[(.+)\] is not constant", "DEFAULT of {0!r} is not a constant"),
    (r"no such collation sequence: (.+)", "unknown collation {0!r}"),
    (r"no such function: ", "CHECK and DEFAULT call only the functions that SQLite has by itself"),
    (r"AUTOINCREMENT is only allowed", "AUTOINCREMENT belongs to an INTEGER PRIMARY KEY"),
    (r"expressions prohibited", "a constraint names a column that the table does not have"),
    (r"must have at least one non-generated column", "it has only generated columns"),
    (r"subqueries prohibited", "a constraint cannot hold a query"),
    (r"non-deterministic", "a constraint must always give the same value for a row"),
    (r"too many columns", "there are too many columns"),
)


def definition_reason(text: str) -> str:
    """Return why SQLite refuses the definition of a table."""
    for pattern, message in _DEFINITIONS:
        found = _compile(pattern).match(text)
        if found is not None:
            return message.format(*found.groups())
    return "a type or a constraint is not understood"
