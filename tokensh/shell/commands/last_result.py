"""Commands about the last result: copy it, repeat its statement, show its secrets."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from pathlib import Path

from tokensh.errors import InterfaceError
from tokensh.render.formats import FORMATS, render
from tokensh.render.options import Options
from tokensh.rows import Column, Row, RowSet, Value
from tokensh.shell.clipboard import copy_to_clipboards
from tokensh.shell.commands.arguments import Arguments
from tokensh.shell.commands.context import ShellContext
from tokensh.shell.commands.registry import MetaCommand
from tokensh.shell.redirection import open_destination
from tokensh.shell.result_cache import Result
from tokensh.text import did_you_mean, escape_unsafe, plural, read_count

_COPY_TO_FILE = re.compile(r"(?i)((?:.*?\S)??)\s*\bto\s+(\S.*)", re.DOTALL)
_FORMATS_BY_SUFFIX = {".md": "markdown", ".txt": "table", **{f".{name}": name for name in FORMATS}}


def _watch_statement(shell: ShellContext, arguments: Arguments) -> None:
    from tokensh.shell.watch import DEFAULT_INTERVAL  # noqa: PLC0415 (the first prompt is drawn without it)

    parser = shell.connection.parser
    # `\watch 5`, `\watch SELECT ...` and `\watch 5 SELECT ...`: the statement is as it was typed.
    first, _, rest = arguments.text.partition(" ")
    try:
        seconds = float(first) if first else DEFAULT_INTERVAL
    except ValueError:
        if shell.open_statement or first.upper() not in parser.table.openers:
            raise InterfaceError(f"invalid number of seconds: {first!r}", hint=r"\watch 5") from None
        seconds, rest = DEFAULT_INTERVAL, arguments.text
    text = parser.tokenize(rest.strip()).without_terminator().text or shell.current_statement
    if not text:
        raise InterfaceError("no statement to watch", hint=r"SELECT ... \watch 5, or \watch after a statement")
    if not math.isfinite(seconds):
        raise InterfaceError(f"invalid number of seconds: {first!r}")
    shell.watch(text, seconds)


def _reveal_values(shell: ShellContext, _: Arguments) -> None:
    results = shell.results
    if results.first_hidden() is None:
        raise InterfaceError("no hidden value to show")
    # One by one: a result that cannot be shown stays hidden, with those after it.
    while (result := results.first_hidden()) is not None:
        shell.console.show(RowSet(result.columns, iter(result.rows)), reveal=True)
        results.drop_hidden(result)
    shell.connection.mark_values_seen()


def _copy_result(shell: ShellContext, arguments: Arguments) -> None:
    if file := _COPY_TO_FILE.fullmatch(arguments.text):
        _copy_to_file(shell, file[1], Arguments(file[2]))
        return
    argument = arguments.value()
    columns, rows = shell.results.last.columns, shell.results.last.rows
    is_plain = any(column.name.lower() == argument.lower() and not column.secret for column in columns)
    hidden = None if is_plain else shell.results.find_hidden(argument)
    if hidden is not None:
        _copy_hidden(shell, *hidden)
        return
    if not columns:
        raise InterfaceError("no result to copy from")
    what, _, number = argument.partition(" ")
    if what in ("", "csv"):
        copied, text = plural(len(rows), "row"), _format_without_secrets("csv", columns, rows)
    elif what == "row":
        copied = f"row {number or 1}"
        text = _format_without_secrets("tsv", columns, [_find_row(rows, number)], header=False)
    else:
        _copy_column(shell, columns, rows, argument)
        return
    clipboards = copy_to_clipboards(text, shell.connection.environment)
    omission = ", the secret left out" if any(column.secret for column in columns) else ""
    shell.console.note(f"copied {copied} to {clipboards}{omission}")


def _copy_to_file(shell: ShellContext, what: str, destination: Arguments) -> None:
    r"""Write the last result, a table or a query in parentheses to a file, in the format that its name ends with."""
    options, name = _read_file_options(destination)
    options.setdefault("format", _FORMATS_BY_SUFFIX.get(Path(name).suffix.lower(), "csv"))
    with shell.settings.changed(options), shell.console.redirected(open_destination(name)):
        if what in ("", "_"):
            last = shell.results.last
            if not last.columns:
                raise InterfaceError("no result to copy")
            rows = (
                tuple(None if column.secret else value for column, value in zip(last.columns, row, strict=True))
                for row in last.rows
            )
            count = shell.console.show(RowSet(last.columns, rows))
            shell.console.note(f"copied {plural(count, 'row')} to {name}")
        else:
            query = what[1:-1].strip() if what.startswith("(") and what.endswith(")") else f"SELECT * FROM {what}"  # noqa: S608 (the user typed it)
            shell.run_statement(query)


def _read_file_options(arguments: Arguments) -> tuple[dict[str, str], str]:
    r"""Return settings and a destination: psql's `FILE csv header` and `FILE WITH (FORMAT csv)` too. Raises InterfaceError."""
    if arguments.line.startswith("|"):
        return {}, arguments.line
    name, rest = arguments.split()
    words = rest.text.lower().removeprefix("with").strip(" ()").replace(",", " ").replace("=", " ").split()
    options: dict[str, str] = {}
    while words:
        word = words.pop(0)
        if word == "format" and words:
            options["format"] = words.pop(0)
        elif word == "header":
            options["header"] = words.pop(0) if words[:1] in (["on"], ["off"]) else "on"
        else:
            options["format"] = word
    return options, name


def _draw_result(shell: ShellContext, _: Arguments) -> None:
    last = shell.results.last
    if not last.columns:
        raise InterfaceError("no result to draw", hint=r"SELECT expiry_time FROM user_tokens, and then \chart")
    with shell.settings.changed({"format": "chart"}):
        shell.console.show(RowSet(last.columns, iter(last.rows)))


def _keep_result(shell: ShellContext, arguments: Arguments) -> None:
    names, connection = arguments.names(), shell.connection
    if len(names) != 1:
        raise InterfaceError(r"\keep needs one name", hint=r"\keep monday; later \diff monday _")
    if not shell.results.last.columns:
        raise InterfaceError("no result to keep")
    (name,) = names
    if connection.objects.store.find(arguments.value()) is not None:
        raise InterfaceError(f"{name} already exists", hint="choose another name, or DROP it first")
    for _ in connection.run(f"CREATE TABLE {name} AS SELECT * FROM _").rows:  # noqa: S608 (the user typed it)
        pass
    shell.console.note(f"kept {plural(len(shell.results.last.rows), 'row')} as {name}")


def _copy_hidden(shell: ShellContext, result: Result, index: int) -> None:
    """Copy a column of secrets that were hidden, one value a line: the user has asked for it by its name."""
    _copy_values(shell, result.columns[index], [row[index] for row in result.rows])
    # The engine holds new values back for the session as a whole: they count as seen if no other result hides any.
    if shell.results.mark_copied(result):
        shell.connection.mark_values_seen()


def _copy_column(shell: ShellContext, columns: tuple[Column, ...], rows: Sequence[Row], name: str) -> None:
    """Copy a column, one value a line."""
    index = _find_column(columns, name)
    values = [row[index] for row in rows]
    if columns[index].secret and all(value is None for value in values):
        raise InterfaceError(f"{escape_unsafe(columns[index].name)} is NULL here: no value is held")
    _copy_values(shell, columns[index], values)


def _copy_values(shell: ShellContext, column: Column, values: Sequence[Value]) -> None:
    text = "\n".join(
        "" if value is None else value.hex() if isinstance(value, bytes) else str(_on_one_line(value))
        for value in values
    )
    clipboards = copy_to_clipboards(text, shell.connection.environment)
    shell.console.note(f"copied {plural(len(values), 'value')} of {escape_unsafe(column.name)} to {clipboards}")


def _format_without_secrets(name: str, columns: tuple[Column, ...], rows: Sequence[Row], *, header: bool = True) -> str:
    rows_without = (
        tuple(None if column.secret else _on_one_line(value) for column, value in zip(columns, row, strict=True))
        for row in rows
    )
    text = io.StringIO()
    render(name, RowSet(columns, rows_without), text, Options(header=header))
    return text.getvalue()


def _on_one_line(value: Value) -> Value:
    # A line end in a comment would run what is before it where the clipboard is pasted into a shell.
    return escape_unsafe(value) if isinstance(value, str) else value


def _find_row(rows: Sequence[Row], number: str) -> Row:
    """Return the row with this number, counted from 1; the first if it is empty. Raises InterfaceError."""
    index = read_count(number or "1")
    if index is None:
        raise InterfaceError(f"invalid row number: {number!r}")
    if not 1 <= index <= len(rows):
        raise InterfaceError(f"no row {index}: the result has {plural(len(rows), 'row')}")
    return rows[index - 1]


def _find_column(columns: tuple[Column, ...], name: str) -> int:
    """Return the index of a column. Raises InterfaceError."""
    names = [column.name.lower() for column in columns]
    if name.lower() not in names:
        hint = did_you_mean(name, names) or f"a column, row or csv; the columns are {', '.join(names)}"
        raise InterfaceError(f"the last result has no column {name!r}", hint=hint)
    return names.index(name.lower())


COMMANDS = (
    MetaCommand(
        r"\chart",
        "",
        "draw the last result: bars of a number, or a timeline",
        "Results",
        _draw_result,
        needs_prompt=True,
    ),
    MetaCommand(
        r"\keep", "NAME", "keep the last result as a table of the store", "Results", _keep_result, needs_prompt=True
    ),
    MetaCommand(r"\reveal", "", "show the hidden values, once", "Results", _reveal_values, needs_prompt=True),
    MetaCommand(
        r"\watch",
        "[SECONDS]",
        "repeat the statement before it, or the last, until Ctrl-C",
        "Results",
        _watch_statement,
        takes_statement=True,
        needs_prompt=True,
    ),
    MetaCommand(
        r"\copy",
        "[COLUMN|row [N]|csv] | [TABLE|(QUERY)] to FILE",
        "copy the last result to the clipboard, a secret only by its column's name; or a result to a file",
        "Results",
        _copy_result,
    ),
)
