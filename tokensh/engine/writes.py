"""The steps that the writes of resources share: what is sent, what its answer means, and what RETURNING makes of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from tokensh.api import request as requests
from tokensh.api.request import Json, Request
from tokensh.api.response import Response, find_rows, to_cell
from tokensh.api.retry import RETRY_DELAYS, is_put_off
from tokensh.engine.create import had_no_effect
from tokensh.engine.execution import Execution
from tokensh.engine.fetch import is_not_found
from tokensh.errors import ApiError, DataError, Error, Interrupted, MissingParameter, ReplyError, UnknownOutcome
from tokensh.plan.nodes import ChangePlan, ExecPlan, InsertPlan, Projection
from tokensh.provider.model import Method
from tokensh.rows import Row, Value
from tokensh.text import escape_unsafe, truncate


def name_workspace(execution: Execution, method: Method, values: Mapping[str, Value]) -> dict[str, Value]:
    """Return the values of a request with the workspace's name as results have it."""
    servers = {p.name for p in method.routing if p.location == "server"}
    return {
        name: execution.services.hosts.canonical_name(value) if name in servers and isinstance(value, str) else value
        for name, value in values.items()
    }


def build_request(
    execution: Execution, method: Method, values: Mapping[str, Value], body: Mapping[str, Json] | None = None
) -> Request:
    """Return the request of a method. Raises HostError, DataError."""
    return requests.build_request(method, execution.services.hosts, values, body)


def send_write(
    execution: Execution, method: Method, request: Request, *, deletes: bool = False
) -> Sequence[Mapping[str, Json]]:
    """Send a write and return the objects of its response.

    Raises UnknownOutcome if it may have taken effect.
    """
    (outcome,) = send_writes(execution, method, [request], deletes=deletes)
    if isinstance(outcome, Error):
        raise outcome
    return outcome


def send_writes(
    execution: Execution, method: Method, requests: Sequence[Request], *, deletes: bool = False
) -> list[Sequence[Mapping[str, Json]] | Error]:
    """Send writes at the same time and return for each, in order, the objects of its response or its error.

    Each is sent once. One that deletes is sent once more if its answer is lost: what is gone stays gone. The error is an
    UnknownOutcome if the write may have taken effect.
    """
    for request in requests:
        execution.announce(method, request)
    outcomes: list[Sequence[Mapping[str, Json]] | Error] = []
    for request, outcome in zip(requests, execution.services.client.send_all(requests), strict=True):
        try:
            outcomes.append(_settle_write(execution, method, request, outcome, deletes=deletes))
        except Error as error:
            outcomes.append(error)
    return outcomes


def _settle_write(
    execution: Execution, method: Method, request: Request, outcome: Response | Error, *, deletes: bool
) -> Sequence[Mapping[str, Json]]:
    """Return the objects of a write's response, or of a second one if the first is lost. Raises Error, UnknownOutcome."""
    try:
        return _read_outcome(method, outcome)
    except Error as error:
        if is_outcome_known(error):
            raise
        if not deletes or isinstance(error, Interrupted):
            raise _unknown_outcome(method, request, error, deletes=deletes) from None
        lost = error
    execution.callbacks.note(
        f"the answer of {request.target.name} to {method.name} is lost ({lost.message}): sending it again does no harm"
    )
    execution.services.environment.sleep(RETRY_DELAYS[0])
    try:
        return find_rows(method, execution.services.client.send(request))
    except Error as error:
        if is_not_found(error):
            return ()  # the first request deleted it
        raise _unknown_outcome(method, request, error, deletes=True) from None


def _read_outcome(method: Method, outcome: Response | Error) -> Sequence[Mapping[str, Json]]:
    if isinstance(outcome, Error):
        raise outcome
    return find_rows(method, outcome)


def forget_revoked(execution: Execution, rows: Iterable[Mapping[str, object]]) -> None:
    """Settle what the journal holds about tokens that no longer exist, in one reading of it."""
    token_ids = {token_id for row in rows if isinstance(token_id := row.get("token_id"), str)}
    if token_ids:
        execution.services.forget_pending(token_ids)


def project_response(
    execution: Execution,
    returning: Projection | None,
    method: Method,
    response: Mapping[str, Json],
    sent: Mapping[str, Value],
) -> Row:
    """Return RETURNING of one response, or an empty row without RETURNING.

    Args:
        execution: the statement; `check_returning` has created the table of its RETURNING.
        returning: the projection.
        method: the one that was called.
        response: the object it answered with; its fields come first.
        sent: what the request was made of, for columns that the response lacks; then the objects in it are looked at.
    """
    if returning is None:
        return ()
    # What was sent goes before what stands inside the reply's objects: they may be about something else.
    others = {**_list_inner_cells(returning, response), **{name.lower(): value for name, value in sent.items()}}
    # A field that the response lacks (the API leaves out empty ones) shows what was sent for it.
    answered = {field.name.lower() for field in method.fields if field.name in response}
    cells = tuple(
        to_cell(column.type, response[column.name], f"$.{column.name}")
        if column.name.lower() in answered
        else others.get(column.name.lower())
        for column in returning.source
    )
    # The write is done: its row, perhaps with a secret, is delivered even if Ctrl-C was pressed meanwhile.
    with execution.database.uninterrupted():
        (row,) = execution.project(returning, [cells])
    return row


def _list_inner_cells(returning: Projection, response: Mapping[str, Json]) -> dict[str, Value]:
    """Return the columns of RETURNING that stand inside the objects of a response, by name in lower case."""
    objects = [value for value in response.values() if isinstance(value, dict)]
    inside = {name.lower(): value for found in objects for name, value in found.items()}
    cells: dict[str, Value] = {}
    for column in returning.source:
        # A value that does not fit becomes NULL: it must not keep a new token's from being delivered.
        with suppress(ReplyError):
            cells[column.name.lower()] = to_cell(column.type, inside.get(column.name.lower()), "$")
    return cells


def is_outcome_known(error: Error) -> bool:
    """Return whether an error of a write that creates no secret says that the server did nothing."""
    return had_no_effect(error) or (
        isinstance(error, ApiError) and is_put_off(error.status, error.code, error.retry_after)
    )


def _unknown_outcome(method: Method, request: Request, error: Error, *, deletes: bool) -> UnknownOutcome:
    # Repeating what replaces or deletes gives the same state; what adds is added twice.
    is_harmless = deletes or request.method in ("PUT", "DELETE")
    again = "running it again does no harm" if is_harmless else f"look before you repeat it: {method.name} may be done"
    return UnknownOutcome(
        f"whether it took effect in {request.target.name} is unknown: {error.message}",
        hint=f"check with a SELECT; {again}",
    )


def first_object(objects: Sequence[Mapping[str, Json]]) -> Mapping[str, Json]:
    """Return the only object of a response, or an empty one."""
    return objects[0] if objects else {}


def attribute_to_cell(value: Json) -> Value:
    """Return a body attribute as a cell: objects, arrays and booleans as JSON text."""
    return to_cell("any", value, "$") if isinstance(value, dict | list | bool) else value


def check_body(plan: InsertPlan | ChangePlan | ExecPlan, body: Mapping[str, Json], *, by_id: bool = False) -> None:
    """Raise an Error if a required attribute of the body has no value, or one of another type than text.

    Args:
        plan: the statement.
        body: what it is about to send.
        by_id: the attributes say what is changed, so that an empty text is refused too.
    """
    required = [p for p in plan.method.body if p.required]
    missing = tuple(p.sql_name for p in required if body.get(p.name) is None)
    if missing:
        raise MissingParameter(f"{' and '.join(missing)} is NULL", names=missing, span=plan.span)
    for parameter in required:
        value = body[parameter.name]
        if parameter.type == "string" and not isinstance(value, str):
            raise DataError(
                f"{parameter.sql_name} takes a string, not {truncate(escape_unsafe(json.dumps(value)), 60)}",
                span=plan.span,
            )
        if by_id and isinstance(value, str) and not value.strip():
            raise MissingParameter(f"{parameter.sql_name} is empty", names=(parameter.sql_name,), span=plan.span)


def count_rows(error: Error, done: int, total: int, rest: str, *, tried: int = 1) -> Error:
    """Return the error of a row with the numbers of rows done, failed and not tried, and what to run for the rest."""
    if total == 1:
        return error
    failed = f"{tried} {'unknown' if isinstance(error, UnknownOutcome) else 'failed'}, " if tried else ""
    message = f"{error.message} ({done} of {total} rows done, {failed}{total - done - tried} not tried)"
    return error.with_context(message=message, hint="; ".join(filter(None, (error.hint, rest))) or None)
