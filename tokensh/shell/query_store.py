r"""Named queries: one file each in the data folder, for `\n`; `$1`, `$2`, ... in them take values, which never become SQL."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

from tokensh.environment import Environment, make_private_folder, open_private
from tokensh.errors import InterfaceError
from tokensh.recipes.library import Recipe, list_recipes
from tokensh.sql import placeholders
from tokensh.sql.grammar import ParseTable
from tokensh.sql.lexer import significant_tokens
from tokensh.sql.script import StatementText
from tokensh.text import did_you_mean, plural

_NAME = re.compile(r"\w[\w-]*")


class QueryStore:
    """The user's named queries: `NAME.sql` in a folder, so that they can be shared and edited as files.

    Args:
        environment: its data folder holds them.
        redact: removes secrets from a query before it is written.
    """

    def __init__(self, environment: Environment, redact: Callable[[str], str]) -> None:
        self._environment = environment
        self._folder = environment.data_folder / "queries"
        self._redact = redact

    @cached_property
    def texts(self) -> dict[str, str]:
        """Every query's text by its name: read once, at the first use, then kept up to date by `save` and `delete`."""
        texts: dict[str, str] = {}
        for path in sorted(self._folder.glob("*.sql")):
            try:
                # utf-8-sig: Windows editors begin files with a byte order mark. A file that cannot be read is left out, so that
                # one broken query does not disable the others.
                texts[path.stem] = path.read_text(encoding="utf-8-sig").strip()
            except (OSError, UnicodeDecodeError):
                continue
        return texts

    @cached_property
    def recipes(self) -> dict[str, Recipe]:
        """The recipes by name as completion offers them, read once, because completion asks at every key."""
        return list_recipes(self._environment)

    def get(self, name: str) -> str:
        """Return the text of a query. Raises InterfaceError if the name is unknown."""
        if name in self.texts:
            return self.texts[name]
        raise InterfaceError(f"unknown query {name!r}", hint=did_you_mean(name, self.texts) or r"\n lists them")

    def save(self, name: str, text: str) -> None:
        """Write a query to its file. Raises InterfaceError."""
        if not _NAME.fullmatch(name):
            raise InterfaceError(f"invalid query name: {name!r}", hint="use letters, digits, _ and -")
        text = self._redact(text)
        path = self._path(name)
        try:
            make_private_folder(self._folder)
            with os.fdopen(open_private(path, os.O_WRONLY | os.O_TRUNC), "w", encoding="utf-8") as file:
                file.write(text + "\n")
        except OSError as failure:
            raise InterfaceError(f"cannot write {path}: {failure.strerror}") from None
        except UnicodeEncodeError:
            raise InterfaceError("the query holds half a character, which cannot be written") from None
        self.texts[name] = text

    def delete(self, name: str) -> None:
        """Delete a query and its file. Raises InterfaceError."""
        self.get(name)
        path = self._path(name)
        try:
            path.unlink(missing_ok=True)
        except OSError as failure:
            raise InterfaceError(f"cannot delete {path}: {failure.strerror}") from None
        del self.texts[name]

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.sql"


def substitute_values(text: str, values: Sequence[str], table: ParseTable) -> str:
    r"""Return a query in which values replace `$1`, `$2`, ...

    Inside quotes a value becomes text of the quoted string, elsewhere a number or a string literal: what it is and where it
    may be is decided as for placeholders (`tokensh.sql.placeholders`).

    Raises InterfaceError unless there are as many values as the query takes.
    """
    statement = StatementText(text, tokens=significant_tokens(table, text))
    wanted = placeholders.find_numbered(statement.tokens)
    if wanted != len(values):
        raise InterfaceError(
            f"the query takes {plural(wanted, 'value')}, not {len(values)}", hint="quote a value that holds blanks"
        )
    filled = placeholders.fill_numbered(statement, values)
    before, after = (
        [use.name for use in placeholders.find_placeholders(significant_tokens(table, script))]
        for script in (text, filled)
    )
    if before != after:
        raise InterfaceError("a value and the braces around it make a placeholder", hint="write the braces apart")
    return filled
