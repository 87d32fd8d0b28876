"""The IPython magic (`pip install 'tokensh[jupyter]'`): `%load_ext tokensh`, then `%tokensh SQL` or a `%%tokensh` cell.

`:name` and `{{ name }}` take the values of the notebook's variables, as values and never as text of SQL. What is shown has
its secrets masked, as a notebook keeps what it shows; a program has them with `reveal()`.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
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
from tokensh.engine.callbacks import Callbacks
from tokensh.environment import handle_interrupts
from tokensh.errors import Error, PlaceholderError
from tokensh.render import cells
from tokensh.render.errors import Source, format_error
from tokensh.render.formats import render
from tokensh.render.html import html_table
from tokensh.render.options import Options
from tokensh.rows import Column, Row, RowSet, Value
from tokensh.sql import placeholders
from tokensh.sql.script import StatementText, split_script
from tokensh.text import escape_unsafe, nearest

NotebookRow = tuple[Any, ...]
"""A `rows.Row` in which a `Secret` stands for a token's value."""

_FLAGS = {"--sandbox": "sandbox", "--partial": "partial", "--yes": "yes"}
_VALUES = {
    "-w": "workspace",
    "--workspace": "workspace",
    "-p": "profile",
    "--profile": "profile",
    "--endpoint": "endpoint",
    "--registry": "registry",
    "--store": "store",
}
_ASSIGNED = re.compile(r"\s*([^\W\d]\w*)\s*<<\s*")
_USAGE = "%tokensh [OPTION]... [NAME <<] SQL, the options being " + ", ".join((*_FLAGS, *_VALUES))


class Secret:
    """A token's value that shows itself masked wherever it is printed; `reveal()` gives it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value."""
        return self._value

    def __repr__(self) -> str:
        return cells.mask_secret(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not written to files: reveal() it where it is needed")


@dataclass(frozen=True, slots=True)
class Result:
    """A statement's rows, a `Secret` where a token's value is."""

    columns: tuple[Column, ...]
    rows: list[NotebookRow]
    now: float = field(repr=False)

    def _plain(self) -> list[Row]:
        return [tuple(map(_plain, row)) for row in self.rows]

    def _repr_html_(self) -> str:
        return html_table(self.columns, self._plain(), self.now)

    def __repr__(self) -> str:
        stream = io.StringIO()
        render("table", RowSet(self.columns, iter(self._plain())), stream, Options(mask=True))
        return stream.getvalue().rstrip("\n")

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[NotebookRow]:
        return iter(self.rows)


def _plain(value: Any) -> Value:
    """A cell as SQL has it; what somebody put into a data frame as its text."""
    if isinstance(value, Secret):
        return value.reveal()
    known: Value = value if isinstance(value, (str, int, float, bytes, type(None))) else str(value)
    return known


@cache
def _frame_class() -> Any:
    """A DataFrame that is shown as a Result is; None without pandas. What is made of it is an ordinary DataFrame."""
    try:
        import pandas as pd  # noqa: PLC0415 (an extra, and slow to import)
    except ImportError:
        return None

    class Frame(pd.DataFrame):
        _metadata = ("shown",)

        @property
        def _constructor(self) -> Any:
            return pd.DataFrame

        def _result(self) -> Result | None:
            """What it shows; None once its columns are others."""
            shown: Result | None = getattr(self, "shown", None)
            if shown is None or [column.name for column in shown.columns] != list(self.columns):
                return None
            cells_of = self.astype("object").where(self.notna(), None)
            return Result(shown.columns, list(cells_of.itertuples(index=False, name=None)), shown.now)

        def _repr_html_(self) -> str | None:
            shown = self._result()
            html: str | None = super()._repr_html_() if shown is None else shown._repr_html_()
            return html

        def __repr__(self) -> str:
            shown = self._result()
            return super().__repr__() if shown is None else repr(shown)

    return Frame


def _framed(result: Result) -> Any:
    """The result as a DataFrame, as itself without pandas."""
    made_of = _frame_class()
    if made_of is None:
        return result
    frame = made_of(result.rows, columns=[column.name for column in result.columns], dtype="object")
    for at, column in enumerate(result.columns):
        if kind := _dtype(column, [row[at] for row in result.rows]):
            frame.isetitem(at, frame.iloc[:, at].astype(kind))
    frame.shown = replace(result, rows=[])
    return frame


_DTYPES = {"integer": ("int64", "Int64"), "number": ("float64", "Float64"), "boolean": ("bool", "boolean")}
"""Pandas' types: without missing values, and with them (which costs no digit of an integer)."""


def _dtype(column: Column, values: list[Any]) -> str | None:
    """The pandas type of a column whose values are what its type says."""
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

    @no_var_expand
    @line_cell_magic
    def tokensh(self, line: str, cell: str | None = None) -> Any:
        """Run SQL on Databricks tokens: %tokensh [OPTION]... [NAME <<] SQL, or the SQL as a %%tokensh cell.

        Options that open a connection, which later statements use: --sandbox, -w WORKSPACE, -p PROFILE, --endpoint TEMPLATE,
        --registry DIR, --store FILE, --partial. --yes changes rows that had to be listed first.
        :name and {{ name }} take the values of the notebook's variables; NAME << assigns the result instead of showing it.
        """
        settings, text = _options(line)
        yes = settings.pop("yes", False)
        target = _ASSIGNED.match(text)
        sql = text[target.end() if target else 0 :] + (f"\n{cell}" if cell is not None else "")
        if not sql.strip() and not settings:
            raise UsageError(_USAGE)
        connection = self._connected(settings)
        connection.yes = bool(yes)
        result = self._run(connection, sql)
        if target is None or result is None:
            return result
        self.shell.user_ns[target[1]] = result
        return None

    def _connected(self, settings: dict[str, Any]) -> Connection:
        if self.connection is None or settings:
            self.close()
            try:
                self.connection = connect(**settings)
            except Error as error:
                raise _told(error, None, escape_unsafe) from None
            clean = self.connection.redactor.clean
            self.connection.callbacks = Callbacks(
                note=lambda text: _say(f"note: {text}"),
                on_failure=lambda error: _say(
                    "\n".join(format_error(error, redact=clean)).replace("error:", "warning:", 1)
                ),
            )
        return self.connection

    def _run(self, connection: Connection, sql: str) -> Any:
        """The last result of some statements; those before it are shown."""
        last = None
        for piece in split_script(
            iter(sql.splitlines(keepends=True)), connection.parser.table, connection.parser.is_complete
        ):
            source = Source("", piece.text, piece.line, piece.column)
            try:
                for result in self._results(connection, piece):
                    if last is not None:
                        display(last)
                    last = _framed(result)
            except Error as error:
                raise _told(error, source, connection.redactor.clean) from None
        return last

    def _results(self, connection: Connection, piece: StatementText) -> Iterator[Result]:
        if piece.error:
            raise piece.error
        text = self._filled(connection, piece.text)
        with handle_interrupts(connection.cancellation):
            for result in connection.results(text, self.shell.user_ns):
                made = Result(result.columns, [], connection.environment.now())
                try:
                    for row in result.rows:
                        made.rows.append(tuple(_kept(c, value) for c, value in zip(result.columns, row, strict=True)))
                except Error:
                    self._keep(made)
                    raise
                if result.columns:
                    yield made

    def _keep(self, done: Result) -> None:
        """The rows before an error: they may hold new tokens' values, which are there once."""
        if done.columns and done.rows:
            self.shell.user_ns["tokensh_done"] = _framed(done)
            _say("note: the rows before the error are in the variable tokensh_done")

    def _filled(self, connection: Connection, text: str) -> str:
        """The statement with the notebook's values in its placeholders. Raises PlaceholderError."""
        places = placeholders.find_placeholders(connection.parser.table, text)
        values = {one.name: self.shell.user_ns[one.name] for one in places if one.name in self.shell.user_ns}
        try:
            return placeholders.substitute(text, places, values)
        except PlaceholderError as error:
            if error.missing:
                hint = f"assign it first: {'; '.join(f'{name} = ..' for name, _ in error.missing)}"
                raise error.with_context(hint=hint) from error.__cause__
            raise


def _kept(column: Column, value: Value) -> Any:
    return Secret(value) if column.secret and isinstance(value, str) else value


def _options(line: str) -> tuple[dict[str, Any], str]:
    """The options that a line begins with, and the rest of it. Raises UsageError."""
    settings: dict[str, Any] = {}
    rest = line.strip()
    while rest.startswith("-") and not rest.startswith("-- "):
        name, equals, given = rest.split(maxsplit=1)[0].partition("=")
        rest = rest[len(name) :].lstrip()
        if name in _FLAGS and not equals:
            settings[_FLAGS[name]] = True
        elif name in _VALUES and (equals or rest):
            value = given if equals else rest.split(maxsplit=1)[0]
            settings[_VALUES[name]] = value
            rest = rest[len(equals + value) :].lstrip()
        else:
            near = nearest(name, (*_FLAGS, *_VALUES))
            hint = f"; did you mean {near}?" if near and near != name else ""
            raise UsageError(f"{name} is no option, or lacks its value{hint}\n{_USAGE}")
    return settings, rest


def _told(error: Error, source: Source | None, redact: Any) -> Error:
    """The error, whose traceback in a notebook is what a person needs to read and nothing else."""
    lines = format_error(error, source, redact=redact)
    clean = error.with_context(message=redact(error.message))  # a notebook keeps that too
    vars(clean)["_render_traceback_"] = lambda: lines  # IPython's hook; not a field, so it is not pickled
    return clean


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def load(shell: Any) -> None:
    """What `%load_ext tokensh` does."""
    shell.register_magics(TokenshMagics(shell))


def unload(shell: Any) -> None:
    """What `%unload_ext tokensh` does: the connection is closed."""
    shell.magics_manager.registry[TokenshMagics.__name__].close()
