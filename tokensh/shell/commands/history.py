"""Commands about the statements that ran before."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from itertools import islice

from tokensh import errors
from tokensh.engine.history import History, HistoryEntry
from tokensh.errors import Error, InterfaceError, Interrupted, OutputError
from tokensh.plan.nodes import asks_by_itself, is_write
from tokensh.redact import MASK
from tokensh.render.errors import format_error
from tokensh.render.result_file import ResultFile
from tokensh.rows import Column, Row, RowSet
from tokensh.shell.commands.arguments import Arguments
from tokensh.shell.commands.context import ShellContext
from tokensh.shell.commands.registry import MetaCommand
from tokensh.shell.redirection import open_destination
from tokensh.text import did_you_mean, escape_unsafe, plural, read_count, truncate, width

# Statements that `\history` shows.
_LISTED = 50
_COLUMNS = (
    Column("n", "integer"),
    Column("when", "string"),
    Column("took", "string"),
    Column("rows", "integer"),
    Column("workspace", "string"),
    Column("outcome", "string"),
    Column("statement", "string"),
)
_WORKSPACE = 4
# On a narrow terminal these columns make room for the statement, the first one first.
_DISPENSABLE = ("took", "rows", "workspace", "when")
# Cells for the beginning of a statement: for more of them columns are left out, and fewer are never given.
_WANTED_CELLS, _FEWEST_CELLS = 30, 12
_FILTERS = {
    "workspace=": "statements of a workspace, by its name, a part of it, or a profile",
    "outcome=ok": "what went well",
    "outcome=error": "what failed",
    "outcome=interrupted": "what Ctrl-C or a crash ended",
    "day=today": "statements of today",
    "day=yesterday": "statements of yesterday",
    "day=": "statements of a day, a month or a year: 2026-01-31, 2026-01",
}
_FILTER_NAMES = frozenset(word.partition("=")[0] for word in _FILTERS)
_OUTCOMES = ("ok", "error", "interrupted")
_ERRORS = {name.lower() for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Error)}
_DAY = re.compile(r"\d{4}(-\d{2}){0,2}")


def _list_history(shell: ShellContext, arguments: Arguments) -> None:
    today = datetime.fromtimestamp(shell.connection.environment.now()).date()
    filters, text = _read_filters(arguments, today)
    workspace = filters.get("workspace", "")
    filters["workspace"] = shell.connection.profiles.get(workspace) or workspace
    found = (entry for entry in _require_history(shell).latest(text) if _passes(entry, filters))
    rows = [_to_row(statement, today) for statement in islice(found, _LISTED)]
    if not rows:
        shell.console.note("no statement found")
        return
    columns: tuple[Column, ...] = _COLUMNS
    if all(row[_WORKSPACE] == shell.connection.workspace for row in rows):
        # The prompt shows that workspace already.
        columns, rows = _drop_column(columns, rows, "workspace")
    if shell.settings.format == "table" and (terminal_width := shell.console.options().width):
        columns, rows = _fit_statements(columns, rows, terminal_width)
    shell.console.show(RowSet(columns, iter(rows)))


def _fit_statements(
    columns: tuple[Column, ...], rows: list[Row], terminal_width: int
) -> tuple[tuple[Column, ...], list[Row]]:
    """Shorten the statements to what the other columns leave of a line; the others make room where that is too little."""
    dispensable = iter(_DISPENSABLE)
    wanted = min(_WANTED_CELLS, max(width(escape_unsafe(str(row[-1]))) for row in rows))
    while True:
        widths = [
            max(len(column.name), *(width(str(row[index])) for row in rows))
            for index, column in enumerate(columns[:-1])
        ]
        room = terminal_width - sum(widths) - 3 * len(columns) - 1
        name = next(dispensable, None) if room < wanted else None
        if name is None:
            break
        columns, rows = _drop_column(columns, rows, name)
    return columns, [(*row[:-1], truncate(escape_unsafe(str(row[-1])), max(room, _FEWEST_CELLS))) for row in rows]


def _drop_column(columns: tuple[Column, ...], rows: list[Row], name: str) -> tuple[tuple[Column, ...], list[Row]]:
    kept = [index for index, column in enumerate(columns) if column.name != name]
    return tuple(columns[index] for index in kept), [tuple(row[index] for index in kept) for row in rows]


def _read_filters(arguments: Arguments, today: date) -> tuple[dict[str, str], str]:
    """Return the filters (`workspace=`, `outcome=`, `day=`) and the text that is looked for. Raises InterfaceError."""
    filters: dict[str, str] = {}
    rest = []
    for word in arguments.words():
        name, equals, value = word.partition("=")
        if equals and name in _FILTER_NAMES:
            filters[name] = value.lower()
        else:
            rest.append(word)
    text = arguments.value() if not filters else " ".join(rest)
    if "outcome" in filters:
        _check_outcome(filters["outcome"])
    if "day" in filters:
        filters["day"] = _read_day(filters["day"], today)
    return filters, text


def _list_filters(shell: ShellContext) -> dict[str, str]:
    connection = shell.connection
    names = dict.fromkeys((*connection.profiles, *connection.workspaces), "statements of this workspace")
    return {**_FILTERS, **{f"workspace={name}": note for name, note in names.items()}}


def _check_outcome(outcome: str) -> None:
    """Raise InterfaceError for an unknown outcome: it may be one of three, or the beginning of an error's name."""
    if not any(known.startswith(outcome) for known in (*_OUTCOMES, *_ERRORS)):
        hint = did_you_mean(outcome, _OUTCOMES) or f"{', '.join(_OUTCOMES)}, or the name of an error"
        raise InterfaceError(f"unknown outcome {outcome!r}", hint=hint)


def _read_day(text: str, today: date) -> str:
    """Return a day, or what a day begins with, in ISO 8601. Raises InterfaceError."""
    days = {"today": today, "yesterday": today - timedelta(days=1)}
    if text in days:
        return days[text].isoformat()
    if not _DAY.fullmatch(text):
        raise InterfaceError(f"invalid day: {text!r}", hint="day=2026-01-31, day=2026-01, day=today or day=yesterday")
    return text


def _passes(entry: HistoryEntry, filters: Mapping[str, str]) -> bool:
    # An outcome is `ok`, `interrupted`, or the name of an error and its message; `error` is any of these.
    outcome = entry.outcome.partition(":")[0].lower()
    wanted = filters.get("outcome", "")
    return (
        filters.get("workspace", "") in (entry.workspace or "").lower()
        and (outcome.startswith(wanted) or (wanted == "error" and outcome not in ("ok", "interrupted")))
        and datetime.fromtimestamp(entry.started).date().isoformat().startswith(filters.get("day", ""))
    )


def _print_history(shell: ShellContext, arguments: Arguments) -> None:
    history = _require_history(shell)
    texts = [entry.statement for entry in history.latest()][::-1]
    lines = [text if text.startswith("\\") else f"{text};" for text in texts]
    destination = arguments.destination()
    if not destination:
        shell.console.say_lines(lines)
        return
    with shell.console.redirected(open_destination(destination)) as stream:
        try:
            stream.write("".join(f"{line}\n" for line in lines))
            stream.flush()
            if isinstance(stream, ResultFile):
                stream.publish()
        except BrokenPipeError:
            pass  # as `head` does; a program that failed is told when the stream is closed
        except OSError as error:
            raise OutputError(f"{destination} could not be written: {error.strerror}") from None
    shell.console.note(f"wrote {plural(len(lines), 'statement')} to {destination}")


def _explain_last_error(shell: ShellContext, _: Arguments) -> None:
    if shell.console.last_error is None:
        raise InterfaceError("no error yet")
    error, source = shell.console.last_error
    hidden = ("message", "hint", "span")
    facts = {name: value for name, value in vars(error).items() if name not in hidden and value not in (None, "", ())}
    cause, causes = error.__cause__, []
    while cause is not None:
        causes.append(f"caused by {type(cause).__name__}: {cause}")
        cause = cause.__cause__
    shell.console.say_lines(
        (
            *format_error(error, source, redact=shell.connection.redactor.clean),
            f"class: {type(error).__name__}, exit status {error.exit_status}",
            *(f"{name}: {escape_unsafe(str(value))}" for name, value in facts.items() if not name.startswith("_")),
            *map(escape_unsafe, causes),
            *(("statement:", source.text) if source is not None and source.text else ()),
        )
    )


def _require_history(shell: ShellContext) -> History:
    if shell.history is None:
        raise InterfaceError("this session has no history")
    return shell.history


def _to_row(statement: HistoryEntry, today: date) -> Row:
    started = datetime.fromtimestamp(statement.started)
    return (
        statement.id,
        started.strftime("%H:%M:%S" if started.date() == today else "%Y-%m-%d %H:%M"),
        None if statement.duration is None else f"{statement.duration:.2f} s",
        statement.rows,
        statement.workspace,
        statement.outcome.partition(":")[0],
        " ".join(statement.statement.split()),
    )


def _find_statement(shell: ShellContext, number: str) -> str:
    """Return the text of the statement with this number, of the last one if it is empty. Raises InterfaceError."""
    history = _require_history(shell)
    index = read_count(number)
    if number and index is None:
        raise InterfaceError(f"invalid number: {number!r}", hint=r"\history lists the statements with their numbers")
    remembered = next(history.latest(), None) if index is None else history.get(index)
    if remembered is None:
        raise InterfaceError(f"no statement {number}" if number else "no statement yet", hint=r"\history lists them")
    return remembered.statement


def _rerun_statement(shell: ShellContext, arguments: Arguments) -> None:
    statement = _find_statement(shell, arguments.value())
    if MASK in statement:
        raise InterfaceError(
            "that statement held a secret, which was not kept", hint=r"\recall brings it to the prompt"
        )
    shell.console.note(f"> {' '.join(escape_unsafe(statement, keep_newlines=True).split())}")
    if statement.startswith("\\"):
        shell.run_text(statement)
        return
    confirm_repeated_write(shell, statement)
    shell.run_statement(statement)


def confirm_repeated_write(shell: ShellContext, statement: str) -> None:
    """Ask before a write is sent again that does not ask by itself. Raises Interrupted if the answer is no."""
    try:
        plan = shell.connection.plan(statement)
    except Error:
        return  # it is reported when the statement runs, which then sends nothing
    if not shell.settings.confirm or not is_write(plan) or asks_by_itself(plan):
        return
    from tokensh.shell import dialogs  # noqa: PLC0415 (scripts do without prompt_toolkit)

    verb = statement.split(maxsplit=1)[0].upper()
    if not dialogs.confirm(f"run this {verb} again?"):
        raise Interrupted("not confirmed, nothing was sent", reason="declined")


def _recall_statement(shell: ShellContext, arguments: Arguments) -> None:
    statement = _find_statement(shell, arguments.value())
    shell.prefill(statement if statement.startswith("\\") else f"{statement};")


COMMANDS = (
    MetaCommand(
        r"\history",
        "[TEXT] [workspace=NAME] [outcome=ok|error|interrupted] [day=YYYY-MM-DD]",
        "list statements and their outcomes, the latest first; or those that contain a text and pass filters",
        "What was run",
        _list_history,
        arguments=_list_filters,
    ),
    MetaCommand(
        r"\s",
        "[FILE | |PROGRAM]",
        "print the history, the oldest statement first, or write it to a file",
        "What was run",
        _print_history,
    ),
    MetaCommand(
        r"\errverbose",
        "",
        "show the last error with all that is known of it",
        "What was run",
        _explain_last_error,
    ),
    MetaCommand(
        r"\rerun",
        "[N]",
        "run statement N of the history again, or the last",
        "What was run",
        _rerun_statement,
        needs_prompt=True,
    ),
    MetaCommand(
        r"\recall",
        "[N]",
        "bring statement N back to the prompt, or the last",
        "What was run",
        _recall_statement,
        needs_prompt=True,
    ),
)
