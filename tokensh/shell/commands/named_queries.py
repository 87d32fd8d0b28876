r"""Named queries: files of the data folder, one each, for `\n`; `$1`, `$2` .. in them are values, never text of SQL."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tokensh.environment import Environment, make_private_folder, open_private
from tokensh.errors import InterfaceError
from tokensh.rows import Column, RowSet
from tokensh.shell.commands.registry import MetaCommand
from tokensh.sql import placeholders
from tokensh.sql.grammar import ParseTable
from tokensh.sql.lexer import tokenize
from tokensh.text import nearest

if TYPE_CHECKING:
    from tokensh.shell.session import Session

_NAME = re.compile(r"\w[\w-]*")
_PLACE = re.compile(r"\$(\d+)")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


class Queries:
    """The named queries of a person: `NAME.sql` in a folder, to be shared and edited as files are.

    Args:
        environment: whose data folder they are in.
        redact: takes secrets out of a query before it is written.
    """

    def __init__(self, environment: Environment, redact: Callable[[str], str]) -> None:
        self.folder = environment.data_folder / "queries"
        self._redact = redact

    @cached_property
    def all(self) -> dict[str, str]:
        """Their texts by name, as they were when they were first asked for, and what was changed since."""
        return dict(self._read())

    def _read(self) -> Iterator[tuple[str, str]]:
        for path in sorted(self.folder.glob("*.sql")):
            try:
                yield path.stem, path.read_text(encoding="utf-8-sig").strip()
            except (OSError, UnicodeDecodeError):
                continue

    def get(self, name: str) -> str:
        """One query. Raises InterfaceError."""
        if name in self.all:
            return self.all[name]
        near = nearest(name, self.all)
        raise InterfaceError(f"there is no query {name!r}", hint=f"did you mean {near}?" if near else r"\n lists them")

    def save(self, name: str, text: str) -> None:
        """Write one. Raises InterfaceError."""
        if not _NAME.fullmatch(name):
            raise InterfaceError(f"{name!r} is no name for a query", hint="letters, digits, _ and -")
        text = self._redact(text)
        try:
            make_private_folder(self.folder)
            with os.fdopen(open_private(self._path(name), os.O_WRONLY | os.O_TRUNC), "w", encoding="utf-8") as file:
                file.write(text + "\n")
        except OSError as failure:
            raise InterfaceError(f"cannot write {self._path(name)}: {failure.strerror}") from None
        self.all[name] = text

    def delete(self, name: str) -> None:
        """Delete one. Raises InterfaceError."""
        self.get(name)
        try:
            self._path(name).unlink(missing_ok=True)
        except OSError as failure:
            raise InterfaceError(f"cannot delete {self._path(name)}: {failure.strerror}") from None
        del self.all[name]

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.sql"


def filled(text: str, values: Sequence[str], table: ParseTable) -> str:
    r"""A query with `$1` .. replaced: inside quotes by the value's text, elsewhere by a number or a string literal.

    Raises InterfaceError if there are not as many values as the query takes.
    """
    wanted = 0
    made: list[str] = []
    for token in tokenize(table, text):
        piece = token.text
        if token.kind in ("STRING", "QUOTED_NAME") or (token.kind == "NAME" and _PLACE.fullmatch(piece)):
            wanted = max([wanted, *map(int, _PLACE.findall(piece))])
            piece = _PLACE.sub(r"{{ _\1 }}", piece) if token.kind != "NAME" else _literal(piece, values)
        made.append(piece)
    if wanted != len(values):
        raise InterfaceError(
            f"the query takes {wanted} value{'' if wanted == 1 else 's'}, not {len(values)}",
            hint="values with blanks stand in quotes",
        )
    given = {f"_{number}": value for number, value in enumerate(values, 1)}
    places = tuple(one for one in placeholders.find_placeholders(table, "".join(made)) if one.name in given)
    return placeholders.substitute("".join(made), places, given)


def _literal(place: str, values: Sequence[str]) -> str:
    number = int(place[1:])
    value = values[number - 1] if 0 < number <= len(values) else ""
    quoted = value.replace("'", "''")
    return value if _NUMBER.fullmatch(value) else f"'{quoted}'"


def _run(session: Session, argument: str) -> None:
    if not argument:
        columns = (Column("name", "string"), Column("query", "string"))
        session.show(RowSet(columns, iter([(name, " ".join(q.split())) for name, q in session.queries.all.items()])))
        return
    try:
        name, *values = shlex.split(argument)
    except ValueError as error:
        raise InterfaceError(f"{argument!r} cannot be read: {error}") from None
    text = filled(session.queries.get(name), values, session.connection.parser.table)
    session.note(f"> {session.connection.redactor.clean(text)}")
    session.run_text(f"{text};" if not text.endswith(";") else text)


def _save(session: Session, argument: str) -> None:
    name, _, text = argument.partition(" ")
    text = text.strip() or session.pending or session.runner.last
    if not name or not text:
        raise InterfaceError(r"\ns needs a name and a query", hint=r"\ns mine SELECT * FROM user_tokens WHERE ..")
    session.queries.save(name, text.rstrip("; \n"))
    session.note(rf"saved: \n {name} runs it")


def _delete(session: Session, argument: str) -> None:
    session.queries.delete(argument)
    session.note(f"deleted {argument}")


COMMANDS = {
    r"\n": MetaCommand("[NAME [VALUE ..]]", "named queries; run one, its $1, $2 .. as given", _run),
    r"\ns": MetaCommand("NAME [QUERY]", "name a query, or the last statement", _save),
    r"\nd": MetaCommand("NAME", "delete a named query", _delete),
}
