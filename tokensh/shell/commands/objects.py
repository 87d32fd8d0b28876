r"""Commands that list what statements can name, as psql's: functions, views and tables; with `+` in more detail."""

from __future__ import annotations

from collections.abc import Collection

from tokensh.rows import Column, Row, RowSet
from tokensh.shell.commands.arguments import Arguments
from tokensh.shell.commands.context import ShellContext
from tokensh.shell.commands.registry import MetaCommand
from tokensh.text import escape_unsafe

_NAME = Column("name", "string")
_KIND = Column("kind", "string")
_COLUMNS = Column("columns", "string")
_QUERY = Column("query", "string")
_VIEWS = ("VIEW", "MATERIALIZED VIEW")


def _list_functions(shell: ShellContext, arguments: Arguments) -> None:
    _show_functions(shell, arguments, ("signature",))


def _list_functions_in_detail(shell: ShellContext, arguments: Arguments) -> None:
    _show_functions(shell, arguments, ("name", "kind", "signature", "description"))


def _show_functions(shell: ShellContext, arguments: Arguments, names: Collection[str]) -> None:
    word = arguments.value()
    # psql's * stands for any text; a word without it is looked for anywhere in the name.
    pattern = word.replace("*", "%") if "*" in word else f"%{word}%"
    found = shell.connection.run(f"SHOW FUNCTIONS LIKE '{pattern.replace(chr(39), chr(39) * 2)}'")
    wanted = [index for index, column in enumerate(found.columns) if column.name in names]
    columns = tuple(found.columns[index] for index in wanted)
    shell.console.show(RowSet(columns, (tuple(row[index] for index in wanted) for row in found.rows)))


def _list_tables(shell: ShellContext, _: Arguments) -> None:
    rows = [(name, kind, columns) for name, kind, columns, _ in _object_rows(shell)]
    shell.console.show(RowSet((_NAME, _KIND, _COLUMNS), iter(rows)))


def _list_tables_in_detail(shell: ShellContext, _: Arguments) -> None:
    shell.console.show(RowSet((_NAME, _KIND, _COLUMNS, _QUERY), iter(_object_rows(shell, types=True))))


def _list_views(shell: ShellContext, _: Arguments) -> None:
    rows = [(name, columns) for name, kind, columns, _ in _object_rows(shell, _VIEWS)]
    shell.console.show(RowSet((_NAME, _COLUMNS), iter(rows)))


def _list_views_in_detail(shell: ShellContext, _: Arguments) -> None:
    rows = _object_rows(shell, _VIEWS, types=True)
    shell.console.show(RowSet((_NAME, _KIND, _COLUMNS, _QUERY), iter(rows)))


def _object_rows(shell: ShellContext, kinds: Collection[str] = (), *, types: bool = False) -> list[Row]:
    """Return name, kind, columns (with their types) and query of the objects of some kinds, or of all."""
    objects = shell.connection.objects
    rows: list[Row] = []
    for name, names in objects.columns_by_name().items():
        table = objects.find(name)
        if table is None or (kinds and table.kind not in kinds):
            continue
        stored = objects.find_stored(name)
        columns = [f"{each.name} {each.type}" for each in stored.columns] if stored is not None and types else names
        query = escape_unsafe(stored.query) if stored is not None and stored.query else None
        rows.append((name, table.kind.lower(), ", ".join(columns), query))
    return rows


COMMANDS = (
    MetaCommand(r"\dt", "", "list views and tables, of the store and of this session", "Resources", _list_tables),
    MetaCommand(
        r"\dt+", "", "the same, with the types of columns and with queries", "Resources", _list_tables_in_detail
    ),
    MetaCommand(r"\dv", "", "list views", "Resources", _list_views),
    MetaCommand(r"\dv+", "", "the same, with their queries", "Resources", _list_views_in_detail),
    MetaCommand(
        r"\df", "[PATTERN]", "list functions; * in the pattern stands for any text", "Resources", _list_functions
    ),
    MetaCommand(r"\df+", "[PATTERN]", "the same, with what they return", "Resources", _list_functions_in_detail),
)
