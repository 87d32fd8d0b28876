"""Statements that are changed at random: each gives a result or an error of ours at a place, and nothing else.

`python -m tests.engine.fuzz --cases 100000` runs as many as wanted and prints each finding; `--seed` chooses others.
"""

from __future__ import annotations

import argparse
import random
import re
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from tests.environments import make_environment
from tests.sql.test_grammar_readme import EXAMPLES
from tokensh.dbapi.connection import Connection
from tokensh.dbapi.options import ConnectionOptions
from tokensh.errors import ApiError, DataError, Error, InternalError, NotSupportedError, ProgrammingError
from tokensh.sql.script import split_script

TABLES = (
    "CREATE OR REPLACE TABLE a (x int, y text, z real)",
    "INSERT INTO a (x, y, z) VALUES (1, 'one', 1.5), (2, 'it''s', -2), (NULL, NULL, NULL)",
    "CREATE OR REPLACE TABLE b (x int PRIMARY KEY, name text NOT NULL)",
    "INSERT INTO b (x, name) VALUES (1, 'first'), (3, 'third')",
)
SEEDS = (
    "SELECT token_id, comment FROM user_tokens WHERE expiry_time > 0 ORDER BY comment LIMIT 2",
    "SELECT u.comment, a.y FROM user_tokens u LEFT JOIN a ON a.x = u.created_by_id WHERE u.comment LIKE '%ci%'",
    "SELECT x, count(*) OVER (PARTITION BY y ORDER BY x ROWS 1 PRECEDING) FROM a GROUP BY x, y HAVING count(*) > 0",
    "WITH c AS (SELECT x, name FROM b) SELECT a.*, c.name FROM a JOIN c USING (x) ORDER BY 1 DESC NULLS LAST",
    "SELECT CASE WHEN x IN (SELECT x FROM b) THEN 'in' ELSE upper(y) || '!' END AS kind FROM a UNION ALL SELECT name FROM b",
    "SELECT json_extract('{\"k\": [1, 2]}', '$.k[0]') AS v, x -> '$', substring(y FROM 1 FOR 2), CAST(z AS integer) FROM a",
    "SELECT coalesce(x, 0) + 1, -z, x BETWEEN 1 AND 2, y REGEXP '^o', x IS NOT DISTINCT FROM 1 FROM a WHERE NOT x = 2",
    "INSERT INTO a (x, y) SELECT x, name FROM b WHERE EXISTS (SELECT 1 FROM a WHERE a.x = b.x) RETURNING x",
    "UPDATE a SET y = upper(y), z = z * 2 WHERE x = 1 RETURNING x, y",
    "DELETE FROM a WHERE x IN (1, 2) AND y = 'none' RETURNING x",
    "REPLACE INTO b (x, name) VALUES (9, 'ninth')",
    "SELECT days_left(expiry_time), from_ms(creation_time) FROM user_tokens WHERE token_id = 'none'",
    "SELECT x, y, grouping(x, y), sum(z) FROM a GROUP BY ROLLUP (x), GROUPING SETS ((y), (x, y), ()) HAVING grouping(y) = 0 ORDER BY 3",
    "SELECT x, CAST(z AS decimal(5, 2)) / 2, rank() OVER w AS n FROM a WINDOW w AS (ORDER BY z DESC) QUALIFY n <= 2 AND x > 0",
    "SELECT count(*) FROM a LEFT ANTI JOIN b ON a.x = b.x WHERE (a.x, y) IN (SELECT x, name FROM b) AND x IN (1, 2, NULL)",
    "CREATE OR REPLACE TABLE c (k int PRIMARY KEY, n text NOT NULL DEFAULT 'n' CHECK (length(n) < 9), UNIQUE (k, n), CHECK (k > -1))",
    "DELETE FROM a WHERE x IN (SELECT x FROM b WHERE name <> 'a' OR b.x <> 2) OR z = 2026-01-01",
    "UPDATE a SET y = y || '!', z = x = 1 WHERE x <> 1 OR x <> 2",
    "EXPLAIN SELECT comment FROM user_tokens WHERE deployment_name = 'dbc-abcd0123-a1bc'",
    "SHOW EXTENDED METHODS IN databricks_workspace.workspace.user_tokens LIKE '%e%'",
    "DESCRIBE EXTENDED user_tokens",
    "EXEC user_tokens.revoketoken @deployment_name = 'dbc-abcd0123-a1bc' @@json = '{\"token_id\": \"none\"}'",
)
NAMES = [
    "a",
    "b",
    "x",
    "y",
    "z",
    "name",
    "user_tokens",
    "comment",
    "token_id",
    "expiry_time",
    "deployment_name",
    "count",
    "abs",
    "upper",
    "json",
    "json_each",
    "t",
]
VALUES = [
    "1",
    "-1",
    "0",
    "1.5",
    "1e3",
    "9223372036854775808",
    "0x1F",
    "'text'",
    "''",
    "'it''s'",
    "'2027-01-01'",
    "NULL",
    "TRUE",
    "x'00ff'",
    "CURRENT_DATE",
    "?",
    ":p",
    "{{p}}",
    "7_000",
    "90days",
    '\'{"a":',
    "1}'",
    "'['",
    '"x"',
    "`y`",
    "'open",
    '"open',
    "/*",
    "((",
    "))",
    "()",
    "--",
    "//",
    "#",
    ";",
]
ODD = [
    "\0",
    "\ud800",
    "\u00a0",
    "\u2019",
    "\ufeff",
    "\r",
    "\t",
    "é",
    "漢",
    "😀",
    "\x1b",
    "\\",
    "{{",
    "}}",
    "@",
    "@@",
    "$1",
    "\n",
]
# Words of SQLite and of Python that a message of ours must not hold.
_FOREIGN = re.compile(
    r"near \"|no such|misuse|user-defined|datatype mismatch|incomplete input|not authorized|ambiguous column name|"
    r"wrong number of arguments to function|Traceback|Error\b.*\bat line|unrecognized token|SELECTs to the left|parser stack|"
    r"Expression tree|too many (?:columns|terms|FROM|arguments|SQL|attached|levels|references)|sub-select returns|NoneType|object has no attribute|null character|tokensh made a mistake",
)


_WHOLE = re.compile(r"transaction is|^the table cannot be created")


class TooSlowError(Exception):
    """Raised when a statement runs longer than any of these may."""


@contextmanager
def limit_seconds(seconds: int) -> Iterator[None]:
    """Raise TooSlowError in the main thread after some seconds."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TooSlowError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


class Mutator:
    """Makes statements from others: tokens dropped, doubled, exchanged and put in, halves joined, characters spoilt."""

    def __init__(self, connection: Connection, seed: int) -> None:
        self._random = random.Random(seed)
        self._tokenize = connection.parser.tokenize
        examples = (re.sub(r"\ba\.b(?:\.c)?(?:\.\w+)?\b", "user_tokens", text) for _, text in EXAMPLES)
        # A table may grow without an end, and SLEEP and a recursion may last; the rest of the language is here.
        self._seeds = [text for text in (*SEEDS, *examples) if not re.search(r"RECURSIVE|SLEEP", text)]
        self._words = sorted(connection.parser.table.keywords.keys() - {"RECURSIVE", "SLEEP"})
        self._operators = sorted(connection.parser.table.operators)

    def make(self) -> str:
        """Return a statement."""
        pieces = self._split(self._random.choice(self._seeds))
        for _ in range(self._random.choice((1, 1, 1, 2, 2, 3, 5))):
            pieces = self._mutate(pieces)
        text = " ".join(pieces)
        if self._random.random() < 0.1:
            at = self._random.randint(0, len(text))
            text = text[:at] + self._random.choice(ODD) + text[at + self._random.randint(0, 1) :]
        return text

    def _split(self, text: str) -> list[str]:
        return [token.text for token in self._tokenize(text).tokens]

    def _mutate(self, pieces: list[str]) -> list[str]:
        at = self._random.randrange(len(pieces) + 1)
        other = self._random.randrange(len(pieces) + 1)
        first, last = sorted((at, other))
        # Half of the changes keep the grammar: they reach names, types and the database.
        if pieces and self._random.random() < 0.5:
            at = self._random.randrange(len(pieces))
            return [*pieces[:at], self._pick_alike(pieces[at]), *pieces[at + 1 :]]
        match self._random.randrange(7):
            case 0:
                return [*pieces[:at], *pieces[at + 1 :]]
            case 1:
                return [*pieces[:last], *pieces[first:]]
            case 2 | 3:
                return [*pieces[:at], self._pick(), *pieces[at + 1 :]]
            case 4:
                return [*pieces[:at], self._pick(), *pieces[at:]]
            case 5:
                return [*pieces[:first], *pieces[last : last + 1], *pieces[first:last], *pieces[last + 1 :]]
            case _:
                end = self._split(self._random.choice(self._seeds))
                return [*pieces[:at], *end[self._random.randrange(len(end)) :]]

    def _pick_alike(self, piece: str) -> str:
        if piece in self._operators:
            return self._random.choice(self._operators)
        if not piece.isidentifier():
            return self._random.choice(VALUES)
        return self._random.choice(self._words if piece.upper() in self._words else NAMES)

    def _pick(self) -> str:
        return self._random.choice(self._random.choice((self._words, self._operators, NAMES, VALUES)))


def find_fault(connection: Connection, text: str) -> str | None:
    """Run the statements of a text; return what is wrong with what they gave, or None."""
    try:
        with limit_seconds(20):
            for statement in split_script([text], connection.parser.table):
                if statement.error is not None:
                    return _find_fault_of_error(statement.error)
                cursor = connection.cursor()
                cursor.execute(statement.text, {"p": 1})
                cursor.fetchmany(20)
                cursor.close()
    except Error as error:
        return _find_fault_of_error(error)
    except TooSlowError:
        return "takes longer than 20 seconds"
    except BaseException as error:  # noqa: BLE001 (anything else is the finding)
        return f"{type(error).__name__}: {error}"
    finally:
        if connection.in_transaction:
            connection.rollback()
    return None


def _find_fault_of_error(error: Error) -> str | None:
    said = f"{type(error).__name__}: {error.message} | {error.hint}"
    if isinstance(error, ApiError):
        return None  # the API's own words
    if isinstance(error, InternalError) or _FOREIGN.search(re.sub(r"'[^']*'", "''", error.message)):
        return f"foreign words: {said}"
    # These are about the statement as a whole, which is where the error is shown.
    if (
        error.span is None
        and not _WHOLE.search(error.message)
        and isinstance(error, (ProgrammingError, NotSupportedError, DataError))
    ):
        return f"no place: {said}"
    return None


@contextmanager
def open_connection(home: Path) -> Iterator[Connection]:
    """Open a connection to a sandbox, with tables of its own."""
    environment = make_environment(home)
    with Connection(ConnectionOptions(environment=environment, sandbox=True, yes=True)) as connection:
        connection.variables["p"] = 1
        for statement in TABLES:
            list(connection.run(statement).rows)
        yield connection


def find_faults(home: Path, cases: int, seed: int) -> Iterator[tuple[str, str]]:
    """Yield statements that give something else than a result or an error of ours, each with what it gave."""
    with open_connection(home) as connection:
        mutator = Mutator(connection, seed)
        for _ in range(cases):
            text = mutator.make()
            fault = find_fault(connection, text)
            if fault is not None:
                yield text, fault
            # What a statement dropped or deleted is there for the next.
            if re.search(r"\b(?:drop|delete|create|update|replace)\b", text, re.IGNORECASE):
                for statement in TABLES:
                    list(connection.run(statement).rows)


def main() -> int:
    """Print the findings, each kind once; the exit status is 1 if there are any."""
    parser = argparse.ArgumentParser(prog="python -m tests.engine.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    kinds: set[str] = set()
    with tempfile.TemporaryDirectory() as home:
        for text, fault in find_faults(Path(home), options.cases, options.seed):
            kind = re.sub(r"'[^']*'|\d+", "", fault)
            if kind not in kinds:
                kinds.add(kind)
                print(f"{text!a}\n    {fault}", flush=True)
    print(f"{options.cases} cases, {len(kinds)} kinds of findings")
    return 1 if kinds else 0


if __name__ == "__main__":
    sys.exit(main())
