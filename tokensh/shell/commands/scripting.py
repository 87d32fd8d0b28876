r"""Commands of scripts: values of a result as variables, and statements that run only if a condition is true."""

from __future__ import annotations

from tokensh.errors import InterfaceError, ProgrammingError
from tokensh.rows import Value
from tokensh.shell.commands.arguments import Arguments
from tokensh.shell.commands.context import ShellContext
from tokensh.shell.commands.registry import MetaCommand
from tokensh.text import escape_unsafe

_WORDS = {"true": True, "on": True, "yes": True, "1": True, "false": False, "off": False, "no": False, "0": False}


def _begin_if(shell: ShellContext, arguments: Arguments) -> None:
    shell.conditions.open(shell.conditions.runs and _evaluate(shell, arguments))


def _begin_elif(shell: ShellContext, arguments: Arguments) -> None:
    shell.conditions.switch(shell.conditions.may_run and _evaluate(shell, arguments), last=False)


def _begin_else(shell: ShellContext, _: Arguments) -> None:
    shell.conditions.switch(True, last=True)


def _end_if(shell: ShellContext, _: Arguments) -> None:
    shell.conditions.close()


def _evaluate(shell: ShellContext, arguments: Arguments) -> bool:
    """Return whether a condition is true: a word such as `on`, or an expression of SQL. Raises Error."""
    text = arguments.text
    if not text:
        raise InterfaceError("the condition is missing", hint=r"\if {{ n }} > 3")
    known = _WORDS.get(text.lower())
    if known is not None:
        return known
    connection = shell.connection
    statement = connection.substitute_placeholders(connection.parser.tokenize(f"SELECT ({text}\n) AS condition"))
    ((value,),) = connection.run(statement).rows
    return _to_boolean(value, text)


def _to_boolean(value: Value, text: str) -> bool:
    if value is None:
        return False
    if isinstance(value, int | float):
        return bool(value)
    known = _WORDS.get(str(value).lower())
    if known is None:
        raise InterfaceError(f"{escape_unsafe(text)} is neither true nor false")
    return known


def _set_from_row(shell: ShellContext, arguments: Arguments) -> None:
    statement, prefix = shell.current_statement, arguments.value()
    if not statement:
        raise InterfaceError("no statement to run", hint=r"SELECT ... \gset")
    result = shell.fetch_result(statement)
    if result is None:
        return
    columns, rows = result.columns, result.rows
    if len(rows) != 1:
        raise ProgrammingError(rf"\gset needs one row, not {len(rows)}", hint="LIMIT 1 gives the first")
    variables = shell.connection.variables
    for column, value in zip(columns, rows[0], strict=True):
        name = f"{prefix}{column.name}"
        if column.secret:
            shell.console.note(f"{escape_unsafe(name)} is not set: a secret is kept in no variable")
        elif value is None:
            variables.pop(name, None)
        else:
            variables[name] = value.hex() if isinstance(value, bytes) else str(value)


CONDITIONAL = frozenset((r"\if", r"\elif", r"\else", r"\endif"))
r"""The commands that run even where the others are skipped."""

COMMANDS = (
    MetaCommand(
        r"\gset",
        "[PREFIX]",
        "run the statement before it and set a variable from each column of its one row",
        "The statement",
        _set_from_row,
        takes_statement=True,
    ),
    MetaCommand(
        r"\if",
        "CONDITION",
        r"run what follows, to \elif, \else or \endif, only if an expression of SQL is true",
        "The session",
        _begin_if,
    ),
    MetaCommand(r"\elif", "CONDITION", "else, if this is true", "The session", _begin_elif),
    MetaCommand(r"\else", "", "else", "The session", _begin_else),
    MetaCommand(r"\endif", "", r"end of \if", "The session", _end_if),
)
