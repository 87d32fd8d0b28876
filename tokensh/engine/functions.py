"""Registers the functions that SQLite lacks on the connections of statements."""

from __future__ import annotations

import re
import sqlite3
from collections import deque
from collections.abc import Hashable
from functools import cache
from typing import Any

from tokensh.errors import DataError, Error, EvaluationError
from tokensh.functions import Function, functions, internal_functions
from tokensh.functions.declaration import Implementation
from tokensh.rows import CANONICAL_NAME, Row, Value

_CALL = r'(?i)[\w"]\(|\bREGEXP\b'
"""A name before a parenthesis, or the operator that SQLite makes a call of. It may match other texts too."""


@cache
def registered_functions() -> tuple[Function, ...]:
    """Return the functions that are added to the SQLite that is installed."""
    from tokensh.functions.guards import GUARDS  # noqa: PLC0415 (a query that calls nothing loads none)

    # Functions that newer versions of SQLite have too (concat, if) are replaced nevertheless: one behaviour on all versions.
    # SQLite has all mathematical functions or none: SQLITE_ENABLE_MATH_FUNCTIONS is one switch.
    lacks_mathematics = "sqrt" not in _sqlite_functions()
    return tuple(
        function
        for function in (*functions().values(), *internal_functions().values(), *GUARDS.values())
        if (function.implementation or function.aggregate) and (lacks_mathematics or not function.is_fallback)
    )


@cache  # a declaration is parsed once, not for the database of each statement
def _argument_counts(function: Function) -> tuple[int, ...]:
    return function.argument_counts


@cache
def function_names() -> frozenset[str]:
    """Return the functions that a query may call, in lower case: those that are declared and available."""
    available = _sqlite_functions() | {function.name for function in registered_functions()}
    return frozenset(
        name for name, function in functions().items() if name in available or function.sqlite_name in available
    )


@cache
def _sqlite_functions() -> frozenset[str]:
    connection = sqlite3.connect(":memory:")
    try:
        return frozenset(name.lower() for (name,) in connection.execute("SELECT name FROM pragma_function_list"))
    finally:
        connection.close()


class _Aggregation:
    """One computation of an aggregate: it keeps the arguments of the rows in its group or frame."""

    def __init__(self, compute: Implementation) -> None:
        self._compute = compute
        self._rows: deque[Row] = deque()

    def step(self, *values: Value) -> None:
        """Take a row in."""
        self._rows.append(values)

    def inverse(self, *_: Value) -> None:
        """Leave out the row that came first: it is not in the frame any more."""
        self._rows.popleft()

    def value(self) -> Value:
        """Return the result over the rows so far."""
        return self._compute(self._rows)

    finalize = value


class FunctionErrors:
    """Registers the functions on a connection and keeps what one raised: SQLite only says that something was raised."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._error: BaseException | None = None
        self._are_registered = False

    def register_for(self, sql: str) -> None:
        """Register the functions, unless a text for SQLite calls none: a short run does without loading them."""
        if self._are_registered:
            return
        # Names of workspaces are compared by a function that each database has.
        if not re.search(_CALL, sql.replace(f'"{CANONICAL_NAME}"(', "")):
            return
        self._are_registered = True
        # A wrapper for each function and connection: the error must not be mixed up with one of another statement.
        for function in registered_functions():
            if function.implementation is not None:
                call = self._keep_error(function.name, function.implementation)
                for count in _argument_counts(function):
                    self._connection.create_function(function.name, count, call, deterministic=function.deterministic)
            elif function.aggregate is not None:
                self._register_aggregate(function, self._keep_error(function.name, function.aggregate))

    def register(self, name: str, count: int, implementation: Implementation) -> None:
        """Register another function, which takes `count` arguments."""
        self._connection.create_function(name, count, self._keep_error(name, implementation))

    def _register_aggregate(self, function: Function, compute: Implementation) -> None:
        # Python 3.10 cannot register window functions: there, these are aggregates alone.
        create: Any = getattr(self._connection, "create_window_function", self._connection.create_aggregate)
        for count in _argument_counts(function):
            create(function.name, count, lambda: _Aggregation(compute))

    def take(self) -> Error | None:
        """Return the last error that a function raised, and forget it. Raises KeyboardInterrupt if it was that."""
        error, self._error = self._error, None
        if error is None or isinstance(error, Error):
            return error
        raise error

    def _keep_error(self, name: str, implementation: Implementation) -> Implementation:
        def call(*values: Value) -> Value:
            try:
                return implementation(*values)
            except (ArithmeticError, LookupError, TypeError, ValueError, MemoryError, RecursionError) as error:
                reason = f"{name}() cannot be computed of these values ({type(error).__name__})"
                self._error = _with_call(DataError(reason), name, values)
                raise
            except DataError as error:
                self._error = _with_call(error, name, values)
                raise
            except BaseException as error:
                self._error = error
                raise

        return call


def _with_call(error: DataError, name: str, values: tuple[Any, ...]) -> DataError:
    """Return an error with the call that raised it, whose place in the statement is found by it; guards know theirs."""
    if error.span is not None:
        return error
    # An aggregate has rows.
    arguments = tuple(map(hash, values)) if all(isinstance(value, Hashable) for value in values) else ()
    return EvaluationError(error.message, culprit=f"call {name}", arguments=arguments, hint=error.hint)
