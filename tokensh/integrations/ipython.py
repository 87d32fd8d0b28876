"""The IPython magic (`pip install 'tokensh[jupyter]'`): `%load_ext tokensh`, then `%tokensh SQL` or a `%%tokensh` cell.

`:name` and `{{ name }}` take the values of the notebook's variables; they are bound, never spliced into the SQL. New tokens are
masked in every display, because a notebook stores its output; `reveal()` returns them to a program. The variable
`tokensh_values` holds all of them, whatever became of the results that they were in.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NoReturn

try:
    from IPython.core.error import UsageError
    from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand
    from IPython.display import display
except ModuleNotFoundError as missing:
    raise ImportError("tokensh.integrations.ipython needs IPython: pip install 'tokensh[jupyter]'") from missing

from tokensh._dataclasses import dataclass, field, replace
from tokensh.dbapi.connection import Connection, connect
from tokensh.dbapi.options import OPTIONS
from tokensh.engine.callbacks import Callbacks
from tokensh.engine.destinations import NewSecret
from tokensh.environment import Environment, handle_interrupts
from tokensh.errors import Error, PlaceholderError
from tokensh.render import cells
from tokensh.render.errors import Source, format_error
from tokensh.render.formats import render
from tokensh.render.html import html_table
from tokensh.render.options import Options
from tokensh.rows import Column, Row, RowSet, Value
from tokensh.sql import placeholders
from tokensh.sql.script import StatementText, split_script
from tokensh.text import did_you_mean, escape_unsafe

NotebookRow = tuple[Any, ...]
"""A `rows.Row` in which each token's value is a `Secret`."""

_FLAGS = {flag: option for option in OPTIONS.values() for flag in option.flags}
_KEPT_VALUES = "tokensh_values"
"""The notebook's variable with every new secret, in the order of their creation."""
_ASSIGNMENT = re.compile(r"\s*([^\W\d]\w*)\s*<<\s*")
_USAGE = "%tokensh [OPTION]... [NAME <<] SQL, with the options " + ", ".join(_FLAGS)


# A notebook stores what it displays, is committed to repositories and is sent around. A token's value therefore never is a plain
# string in a result: every way to print it (repr, HTML, to_csv, an error) shows the mask, and pickling it fails.


class Secret:
    """A token's value, or what was made of it, that is masked wherever it is printed; `reveal()` returns it."""

    __slots__ = ("_value",)

    def __init__(self, value: Value) -> None:
        self._value = value

    def reveal(self) -> Value:
        """Return the value."""
        return self._value

    def __repr__(self) -> str:
        return cells.mask_secret(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not written to files; call reveal() where its value is needed")


@dataclass(frozen=True, slots=True)
class Result:
    """The rows of a statement, with a `Secret` for each token's value; `now` is when they were read, in s since the epoch."""

    columns: tuple[Column, ...]
    rows: list[NotebookRow]
    now: float = field(repr=False)

    def _sql_rows(self) -> list[Row]:
        return [tuple(map(_sql_value, row)) for row in self.rows]

    def _repr_html_(self) -> str:
        return html_table(self.columns, self._sql_rows(), self.now)

    def __repr__(self) -> str:
        environment, text = Environment.from_process(), io.StringIO()
        # Fitted to the terminal that IPython runs in; a notebook's file gets the numbers of the API, complete.
        options = Options.for_stream(environment, environment.stdout, "never").replace(mask=True, now=self.now)
        render("table", RowSet(self.columns, iter(self._sql_rows())), text, options)
        return text.getvalue().rstrip("\n")

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[NotebookRow]:
        return iter(self.rows)


def _sql_value(value: Any) -> Value:
    """Return a cell as SQL has it; any other object that a user put into a frame, as its text."""
    if isinstance(value, Secret):
        return value.reveal()
    cell: Value = value if isinstance(value, (str, int, float, bytes, type(None))) else str(value)
    return cell


# A subclass of DataFrame, made when it is first needed: pandas is an extra. Its methods return plain
# DataFrames, because a result's columns and types say nothing about a frame that was computed from it.
# The secrets in it stay masked even there, as each is a `Secret` object.
@cache
def _frame_class() -> Any:
    """Return a DataFrame class that displays as a Result does, None without pandas; slices of it are plain DataFrames."""
    try:
        import pandas as pd  # noqa: PLC0415 (an extra, and slow to import)
    except ImportError:
        return None

    class Frame(pd.DataFrame):
        # pandas passes attributes of these names on to the frame that a method of this one returns.
        _metadata = ("source",)

        @property
        def _constructor(self) -> Any:
            return pd.DataFrame

        def __reduce_ex__(self, protocol: Any) -> Any:
            # The reader of the file may not have tokensh; a `Secret` in a cell refuses to be written.
            return pd.DataFrame, (), pd.DataFrame(self).__getstate__()

        def _result(self) -> Result | None:
            """Return the frame as a Result, None once its columns have changed."""
            source: Result | None = getattr(self, "source", None)
            if source is None or [column.name for column in source.columns] != list(self.columns):
                return None
            objects = self.astype("object").where(self.notna(), None)
            return Result(source.columns, list(objects.itertuples(index=False, name=None)), source.now)

        def _repr_html_(self) -> str | None:
            result = self._result()
            html: str | None = super()._repr_html_() if result is None else result._repr_html_()
            return html

        def __repr__(self) -> str:
            result = self._result()
            return super().__repr__() if result is None else repr(result)

    return Frame


def _to_frame(result: Result) -> Any:
    """Return the result as a DataFrame, unchanged without pandas."""
    frame_class = _frame_class()
    if frame_class is None:
        return result
    frame = frame_class(result.rows, columns=[column.name for column in result.columns], dtype="object")
    for index, column in enumerate(result.columns):
        if dtype := _choose_dtype(column, [row[index] for row in result.rows]):
            frame.isetitem(index, frame.iloc[:, index].astype(dtype))
    frame.source = replace(result, rows=[])
    return frame


_DTYPES = {"integer": ("int64", "Int64"), "number": ("float64", "Float64"), "boolean": ("bool", "boolean")}
"""Pandas' types without and with missing values; the second kind keeps every digit of an integer, which float64 does not."""


def _choose_dtype(column: Column, values: list[Any]) -> str | None:
    """Return the pandas type of a column; None if its values are not all of the column's type, as SQLite allows."""
    present = [value for value in values if value is not None]
    if column.type not in _DTYPES or not all(type(value) in (int, float) for value in present):
        return None
    return _DTYPES[column.type][len(present) < len(values)]


@magics_class
class TokenshMagics(Magics):
    """`%tokensh` and `%%tokensh`, over one connection."""

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        self.connection: Connection | None = None

    def close(self) -> None:
        """Close the connection."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    # Without no_var_expand IPython would replace {name} and $name in the line with texts: values would become SQL.
    @no_var_expand
    @line_cell_magic
    def tokensh(self, line: str, cell: str | None = None) -> Any:
        """Run SQL on Databricks tokens: %tokensh [OPTION]... [NAME <<] SQL, or the SQL as a %%tokensh cell.

        Options are those of `tokensh --help` that open a connection, such as --sandbox, -w WORKSPACE and -p PROFILE; later
        statements use that connection. --yes is for one statement: it skips the confirmation for changes that list rows first.
        :name and {{ name }} take the values of the notebook's variables; NAME << assigns the result instead of showing it.
        """
        # `yes` is for one statement only: kept, it would approve a later DELETE that was never looked at.
        settings, text = _parse_options(line)
        yes = settings.pop("yes", False)
        target = _ASSIGNMENT.match(text)
        sql = text[target.end() if target else 0 :] + (f"\n{cell}" if cell is not None else "")
        if not sql.strip() and not settings:
            raise UsageError(_USAGE)
        connection = self._connect(settings)
        connection.yes = bool(yes)
        result = self._run_statements(connection, sql)
        if target is None or result is None:
            return result
        self.shell.user_ns[target[1]] = result
        return None

    def _connect(self, settings: dict[str, Any]) -> Connection:
        if self.connection is None or settings:
            # New options replace the connection, because a connection's options never change.
            self.close()
            try:
                self.connection = connect(**settings)
            except Error as error:
                raise _with_rendering(error, None, escape_unsafe) from None
            clean = self.connection.redactor.clean
            self.connection.callbacks = Callbacks(
                # At once, for a value is shown only once: a later error, or a display that fails, must not lose it.
                on_new_secret=self._keep_value,
                note=lambda text: _write_line(f"note: {text}"),
                on_failure=lambda error: _write_line(
                    "\n".join(format_error(error, redact=clean)).replace("error:", "warning:", 1)
                ),
            )
        return self.connection

    def _run_statements(self, connection: Connection, sql: str) -> Any:
        """Run statements and return the last result; those before it are displayed."""
        last = None
        for piece in split_script([sql], connection.parser.table):
            source = Source("", piece.text, piece.line, piece.column)
            try:
                for result in self._iter_results(connection, piece):
                    if last is not None:
                        display(last)
                    last = _to_frame(result)
            except Error as error:
                # The cell ends with the error: what it would have returned is shown, and its values stay in a variable.
                if last is not None:
                    display(last)
                raise _with_rendering(error, source, connection.redactor.clean) from None
        return last

    def _iter_results(self, connection: Connection, piece: StatementText) -> Iterator[Result]:
        if piece.error:
            raise piece.error
        statement = self._substitute_variables(connection, piece)
        with handle_interrupts(connection.cancellation):
            for result in connection.results(statement, self.shell.user_ns):
                rows: list[NotebookRow] = []
                collected = Result(result.columns, rows, connection.environment.now())
                try:
                    # What came before an error stays in the list.
                    rows.extend(tuple(map(_mask_secret, result.columns, row)) for row in result.rows)
                except Error:
                    self._save_partial(collected)
                    raise
                if result.columns:
                    yield collected

    def _keep_value(self, secret: NewSecret) -> None:
        """Append a new token's value, whatever RETURNING makes of it, to the variable tokensh_values."""
        kept = self.shell.user_ns.get(_KEPT_VALUES)
        if not isinstance(kept, list):
            kept = self.shell.user_ns[_KEPT_VALUES] = []
            _write_line(f"note: new values are kept in the variable {_KEPT_VALUES}: {_KEPT_VALUES}[-1].reveal()")
        kept.append(Secret(secret.value))

    def _save_partial(self, result: Result) -> None:
        """Assign the rows before an error to a variable: they may hold new tokens, whose values cannot be read again."""
        if result.columns and result.rows:
            self.shell.user_ns["tokensh_done"] = _to_frame(result)
            _write_line("note: the rows before the error are in the variable tokensh_done")

    def _substitute_variables(self, connection: Connection, statement: StatementText) -> StatementText:
        """Return the statement with the notebook's variables in its placeholders. Raises PlaceholderError."""
        try:
            return placeholders.fill(connection.parser.tokenize(statement), self.shell.user_ns)
        except PlaceholderError as error:
            if error.missing:
                hint = f"assign it first: {'; '.join(f'{name} = ...' for name, _ in error.missing)}"
                raise error.with_context(hint=hint) from error.__cause__
            raise


def _mask_secret(column: Column, value: Value) -> Any:
    return Secret(value) if column.secret and value is not None else value


def _parse_options(line: str) -> tuple[dict[str, Any], str]:
    """Return the options that a line begins with, by name, and the rest of the line. Raises UsageError."""
    settings: dict[str, Any] = {}
    rest = line.strip()
    # By hand, not with argparse: the rest of the line is SQL, with quotes and dashes of its own. `-- ` begins an SQL comment.
    while rest.startswith("-") and not rest.startswith("-- "):
        flag, equals, value = rest.split(maxsplit=1)[0].partition("=")
        rest = rest[len(flag) :].lstrip()
        option = _FLAGS.get(flag)
        if option is None:
            raise UsageError(_with_usage(f"unknown option {flag!r}", did_you_mean(flag, _FLAGS)))
        if not option.metavar:
            if equals:
                raise UsageError(_with_usage(f"{flag} does not take a value"))
            settings[option.name] = True
            continue
        if not equals and not rest:
            raise UsageError(_with_usage(f"{flag} needs a value"))
        value = value if equals else rest.split(maxsplit=1)[0]
        rest = rest[len(equals + value) :].lstrip()
        try:
            settings[option.name] = option.read(value)
        except ValueError as error:
            raise UsageError(_with_usage(str(error))) from None
    return settings, rest


def _with_usage(message: str, hint: str | None = None) -> str:
    return f"{message}; {hint}\n{_USAGE}" if hint else f"{message}\n{_USAGE}"


def _with_rendering(error: Error, source: Source | None, redact: Callable[[str], str]) -> Error:
    """Return a copy of an error whose traceback in a notebook is the lines that a user needs, without secrets."""
    lines = format_error(error, source, redact=redact)
    clean = error.with_context(message=redact(error.message))  # a notebook stores that too
    vars(clean)["_render_traceback_"] = lambda: lines  # IPython's hook; not a field, so it is not pickled
    return clean


def _write_line(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def load(shell: Any) -> None:
    """Register the magics, for `%load_ext tokensh`."""
    shell.register_magics(TokenshMagics(shell))


def unload(shell: Any) -> None:
    """Close the magics' connection, for `%unload_ext tokensh`."""
    shell.magics_manager.registry[TokenshMagics.__name__].close()
