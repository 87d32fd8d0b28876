"""Whether the user gets the secrets of a reply, which are shown only once.

A secret is delivered by a cell of RETURNING from which it can be read. That is checked twice: with a made-up secret before
anything is sent, and with the real one. What RETURNING does not show goes to the caller's `keep_value` (the shell, which hides
it until the user asks for it); for callers without one the statement is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tokensh.api.request import Json
from tokensh.api.response import to_cell
from tokensh.engine.execution import Execution
from tokensh.engine.writes import project_response
from tokensh.errors import DataError, Error, ProgrammingError, describe_mistake
from tokensh.plan.nodes import ChangePlan, InsertPlan, Plan, Projection
from tokensh.plan.returning import reply_columns
from tokensh.provider.model import Method
from tokensh.redact import SECRET_FIELDS
from tokensh.rows import Column, Row, Value

Delivery = tuple[Row | None, Error | None]
"""The row that shows what a write replied, if there is one, and what failed in it after the write took effect."""

_PROBE = "dapi0f1e2d3c4b5a69788796a5b4c3d2e1f0"
"""A made-up secret that looks like a token's value: RETURNING may take it apart."""


def secret_fields(method: Method) -> tuple[str, ...]:
    """Return the fields of a method's reply that are secrets."""
    return tuple(field.name for field in method.fields if field.name.lower() in SECRET_FIELDS)


def check_delivery(execution: Execution, plan: Plan) -> None:
    """Raise ProgrammingError if a write would lose a secret of its reply. RETURNING's table exists; nothing is sent."""
    callbacks = execution.callbacks
    if not isinstance(plan, InsertPlan | ChangePlan) or callbacks.keep_value or callbacks.deliver_value:
        return
    lost = _find_lost(execution, plan.returning, secret_fields(plan.method))
    if lost:
        raise ProgrammingError(
            f"the new value would be lost, for it is shown only once: add RETURNING {', '.join(lost)}",
            span=plan.span,
            hint="nothing was sent",
        )


def _find_lost(execution: Execution, returning: Projection | None, fields: Sequence[str]) -> Sequence[str]:
    """Return the secrets that cannot be read from RETURNING of a reply that has nothing else."""
    if not fields or returning is None or not any(column.secret for column in returning.columns):
        return fields
    probes = {field.lower(): f"{_PROBE}{number or ''}" for number, field in enumerate(fields)}
    source = tuple(probes.get(column.name.lower()) if column.secret else None for column in returning.source)
    try:
        rows = list(execution.project(returning, [source]))
    except Error:
        return ()  # it fails without the rest of the reply: what it shows is known only then
    return [field for field in fields if not shows_secret(rows, probes[field.lower()])]


def deliver_reply(
    execution: Execution, plan: InsertPlan | ChangePlan, response: Mapping[str, Json], sent: Mapping[str, Value]
) -> Delivery:
    """Return RETURNING's row of a write that took effect.

    The secrets of the reply are in the row, even if RETURNING fails, or were given to `keep_value`.
    """
    secrets = find_secrets(plan.method, response)
    for secret in secrets.values():
        execution.services.redactor.learn(secret)
    failure: Error | None = None
    row: Row | None
    try:
        row = project_response(execution, plan.returning, plan.method, response, sent)
    except Exception as error:  # noqa: BLE001 (the value must be delivered after a mistake of ours too)
        row, failure = None, _explain_failure(plan, error, secrets)
    keep = execution.callbacks.keep_value
    if all(shows_secret([row or ()], secret) for secret in secrets.values()):
        return row, failure
    shows_some = plan.returning is not None and any(column.secret for column in plan.returning.columns)
    if plan.returning is not None and shows_some and (failure or keep is None):
        failure = failure or DataError(f"{plan.method.name} took effect, but RETURNING does not show the new value")
        return raw_row(plan.returning.columns, secrets), failure
    if keep is None:  # checked before it was sent: only for a method that was planned without this module
        raise failure or DataError(f"RETURNING lacks {', '.join(secrets)}")
    columns = tuple(column.column for column in reply_columns(plan.resource, plan.method))
    keep(columns, whole_row(columns, response, secrets))
    return row, failure


def _explain_failure(plan: InsertPlan | ChangePlan, error: Exception, secrets: Mapping[str, str]) -> Error:
    cause = error if isinstance(error, Error) else describe_mistake(error)
    rest = "; its row holds the new value, and NULL for the rest" if secrets else ""
    return cause.with_context(message=f"{plan.method.name} took effect, but RETURNING failed: {cause.message}{rest}")


def shows_secret(rows: Iterable[Row], secret: str) -> bool:
    """Return whether a secret can be read from rows: as text, bytes or hexadecimal digits, also from several cells."""
    text = "".join(_to_text(cell) for row in rows for cell in row)
    lower = text.lower()
    # Of a secret without capitals nothing is lost by upper().
    return secret in (lower if secret == secret.lower() else text) or secret.encode("utf-8", "replace").hex() in lower


def _to_text(cell: Value) -> str:
    return cell.decode("utf-8", "replace") if isinstance(cell, bytes) else "" if cell is None else str(cell)


def find_secrets(method: Method, response: Mapping[str, Json]) -> dict[str, str]:
    """Return the secrets of a reply by their fields' names."""
    values = {name: response.get(name) for name in secret_fields(method)}
    return {name: value for name, value in values.items() if isinstance(value, str) and value}


def raw_row(columns: Sequence[Column], secrets: Mapping[str, str]) -> Row:
    """Return a row that holds the secrets unchanged, and NULL in all other columns: for RETURNING that failed.

    A column that shows a field gets its value, a column that is computed of secrets gets the first one.
    """
    by_name = {name.lower(): value for name, value in secrets.items()}
    first = next(iter(secrets.values()), None)
    return tuple(
        by_name.get((column.origin or "").rpartition(".")[2].lower(), first) if column.secret else None
        for column in columns
    )


def whole_row(columns: Sequence[Column], response: Mapping[str, Json], secrets: Mapping[str, str]) -> Row:
    """Return a reply's row; a cell that does not fit its documented type is NULL, for the secrets must be kept."""

    def cell(column: Column) -> Value:
        if column.secret:
            return secrets.get(column.name)
        try:
            return to_cell(column.type, response.get(column.name), f"$.{column.name}")
        except Error:
            return None

    return tuple(map(cell, columns))


def deliver_exec(columns: Sequence[Column], response: Mapping[str, Json], secrets: Mapping[str, str]) -> Delivery:
    """Return the reply's row of an EXEC that created a secret; cells that do not fit their types are NULL."""
    try:
        return tuple(to_cell(column.type, response.get(column.name), f"$.{column.name}") for column in columns), None
    except Error as error:
        message = f"it took effect, but its reply is malformed: {error.message}; the row holds the new value"
        return whole_row(columns, response, secrets), error.with_context(message=message)
