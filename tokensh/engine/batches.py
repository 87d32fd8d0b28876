"""Change a local table with many sets of values, as one transaction: SQLite runs each set in the store's own file.

One change runs over a copy of what it reads, so that its functions never see the file. Here they do, because each set has to see what
the sets before it have changed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from tokensh._dataclasses import replace
from tokensh.engine.execution import Execution
from tokensh.engine.functions import FunctionErrors
from tokensh.engine.store import StoredObject, column_list, dropped_meanwhile
from tokensh.errors import Interrupted, ProgrammingError, Span
from tokensh.functions import CHECKED
from tokensh.plan.batches import Batch, values_of, without_numbers
from tokensh.plan.nodes import ConflictClause, LocalInsertPlan
from tokensh.plan.scope import ROW_NUMBER
from tokensh.plan.type_checks import check_numbers
from tokensh.rows import Row, Value
from tokensh.sql.quoting import quote_name, text_literal

_STEPS = 100_000
"""Steps of SQLite's virtual machine between two looks at Ctrl-C."""


def run_batches(execution: Execution, batches: Sequence[Batch]) -> Iterator[Row]:
    """Run the sets of all batches, or none of them if one fails, and return the rows of RETURNING. Raises Error."""
    store = execution.services.objects.store
    stored = store.find(batches[0].plan.table)
    if stored is None:
        raise dropped_meanwhile()
    writer = _StatementWriter(execution, stored)
    statements = [writer.write(batch) for batch in batches]
    runner = _Runner(execution, batches[0].plan.span)
    pairs = list(zip(batches, statements, strict=True))
    results = store.run_transaction(lambda db: runner.run(db, pairs), stored)
    if batches[0].plan.returning is None:
        return chain.from_iterable(results)
    returned = zip((batch.plan.returning for batch in batches), results, strict=True)
    return (row for returning, rows in returned if returning for row in execution.project(returning, rows))


def insert_rows(execution: Execution, plan: LocalInsertPlan, rows: Sequence[Row]) -> Iterator[Row]:
    """Insert rows as a plan with ON CONFLICT says, and return those of RETURNING. Raises Error and its leaves."""
    marks = ", ".join(f"?{number}" for number in range(1, len(plan.targets) + 1))
    plan = replace(plan, source=replace(plan.source, sql=f"VALUES ({marks})"))
    given = {index: index for index in range(len(plan.targets))}
    return run_batches(execution, [Batch(plan, given, None, list(rows))]) if rows else iter(())


class _StatementWriter:
    """Writes statements for SQLite that change one table."""

    def __init__(self, execution: Execution, stored: StoredObject) -> None:
        self._store = execution.services.objects.store
        self._stored = stored
        self._table = f"main.{stored.table}"

    def write(self, batch: Batch) -> str:
        """Return the statement of a batch. Raises DataError for a text in a column of numbers."""
        plan = batch.plan
        if isinstance(plan, LocalInsertPlan):
            text = self._write_insert(batch, plan)
        elif plan.verb == "DELETE":
            text = self._write_delete(batch)
        else:
            text = self._write_update(batch, plan.assigned)
        return text if plan.returning is None else f"{text} RETURNING {column_list(self._stored)}"

    def _write_insert(self, batch: Batch, plan: LocalInsertPlan) -> str:
        checked = self._find_checked(batch, plan.targets)
        verb = "REPLACE" if plan.replace else "INSERT OR IGNORE" if plan.ignore else "INSERT"
        if not plan.targets:
            return f"{verb} INTO {self._table} DEFAULT VALUES"
        head = f"{verb} INTO {self._table} ({', '.join(map(quote_name, plan.targets))})"
        source = self._select_source(batch, checked) if any(checked) else plan.source.sql
        return f"{head} {source} {plan.conflict.sql}" if plan.conflict else f"{head} {source}"

    def _write_delete(self, batch: Batch) -> str:
        if batch.direct is not None:
            return f"DELETE FROM {self._table}{_where(batch.direct.where)}"
        return f"DELETE FROM {self._table} WHERE {self._stored.row_number} IN ({self._select_source(batch, [''])})"

    def _write_update(self, batch: Batch, targets: Sequence[str]) -> str:
        checked = self._find_checked(batch, targets)
        names = [quote_name(name) for name in targets]
        if batch.direct is not None:
            values = map(_check, batch.direct.values, checked)
            assigned = ", ".join(f"{name} = {value}" for name, value in zip(names, values, strict=True))
            return f"UPDATE {self._table} SET {assigned}{_where(batch.direct.where)}"
        assigned = ", ".join(f"{name} = s.c{index}" for index, name in enumerate(names, 1))
        source = self._select_source(batch, ["", *checked])
        number = f"{self._stored.table}.{self._stored.row_number}"
        return f"UPDATE {self._table} SET {assigned} FROM ({source}) AS s WHERE {number} = s.c0"

    def _select_source(self, batch: Batch, checked: Sequence[str]) -> str:
        """Return the plan's query over the store's tables, with its columns named c0, c1, ..."""
        source = batch.plan.source
        names = [f"c{index}" for index in range(len(checked))]
        tables = [f"s({', '.join(names)}) AS ({source.sql})"]
        for read in source.stored:
            found = self._store.find(read.name)
            if found is None:
                raise dropped_meanwhile()
            rows = self._store.select_statement(found, ROW_NUMBER, "main")
            tables.insert(0, f"{read.table} AS NOT MATERIALIZED ({rows})")
        items = ", ".join(f"{_check(name, check)} AS {name}" for name, check in zip(names, checked, strict=True))
        return f"WITH {', '.join(tables)} SELECT {items} FROM s WHERE true"

    def _find_checked(self, batch: Batch, targets: Sequence[str]) -> list[str]:
        """Return for each target the arguments of its check; empty where the values were looked at here."""
        types = {column.name: column.type for column in self._stored.columns}
        checked = []
        for index, name in enumerate(targets):
            values = values_of(batch, index)
            if values is None and batch.direct is not None and index in batch.direct.numbers:
                checked.append("")
                continue
            if values is None or (str in map(type, values) and self._looks_secret(values)):
                checked.append(f", {text_literal(name)}, {text_literal(types[name])}")
                continue
            if str in map(type, values):
                check_numbers(values, name, types[name], batch.plan.span)
            checked.append("")
        return checked

    def _looks_secret(self, values: Sequence[Value]) -> bool:
        # As one text: what has a secret by itself has one among others too, and most values have none.
        text = "\n".join(value for value in values if isinstance(value, str))
        return self._store.redact(text) != text


def _check(expression: str, arguments: str) -> str:
    return f"{quote_name(CHECKED)}({expression}{arguments})" if arguments else expression


def _where(condition: str | None) -> str:
    return "" if condition is None else f" WHERE {condition}"


class _Runner:
    """Runs statements inside of a transaction of the store."""

    def __init__(self, execution: Execution, span: Span) -> None:
        self._span = span
        self._cancellation = execution.services.cancellation
        self._redact = execution.services.objects.store.redact

    def run(self, db: sqlite3.Connection, statements: Sequence[tuple[Batch, str]]) -> list[list[Row]]:
        """Run each statement with its sets, and return the changed rows; empty ones without RETURNING."""
        errors = FunctionErrors(db)
        errors.register(CHECKED, 3, self._check_value)
        for _, text in statements:
            errors.register_for(text)
        db.set_progress_handler(lambda: int(self._cancellation.presses > 0), _STEPS)
        try:
            return [_run_statement(db, batch, text) for batch, text in statements]
        except sqlite3.Error as error:
            raised = errors.take()
            if raised is not None:
                raise raised from None
            conflict = _conflict_of(statements[0][0])
            if conflict is not None and str(error).startswith("ON CONFLICT"):
                message = f"({', '.join(conflict.columns)}) is not a PRIMARY KEY or UNIQUE of the table"
                hint = "CREATE UNIQUE INDEX makes one"
                raise ProgrammingError(message, span=conflict.span, hint=hint) from None
            if str(error) == "interrupted":
                raise (Interrupted() if self._cancellation.presses else KeyboardInterrupt()) from None
            raise
        finally:
            db.set_progress_handler(None, 0)

    def _check_value(self, value: Value, name: Value, kind: Value) -> Value:
        check_numbers((value,), str(name), str(kind), self._span)
        return self._redact(value) if isinstance(value, str) else value


def _conflict_of(batch: Batch) -> ConflictClause | None:
    return batch.plan.conflict if isinstance(batch.plan, LocalInsertPlan) else None


def _run_statement(db: sqlite3.Connection, batch: Batch, text: str) -> list[Row]:
    # Python 3.12.0 to 3.12.3 take `?1` for a name, and warn of a value without one.
    text, indexes = without_numbers(text)
    sets: Iterable[Row] = batch.sets
    if indexes != list(range(len(batch.sets[0]) if batch.sets else 0)):
        sets = [tuple(values[index] for index in indexes) for values in batch.sets]
    if batch.plan.returning is not None:
        return [row for values in sets for row in db.execute(text, values).fetchall()]
    return [()] * max(db.executemany(text, sets).rowcount, 0)
