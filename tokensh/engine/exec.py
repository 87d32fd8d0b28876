"""EXEC: one call of a method, with the checks of the statement that would do the same (INSERT, DELETE)."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from itertools import chain

from tokensh.api.request import Json, Request, to_json
from tokensh.api.response import describe_next_page, find_rows, to_cell
from tokensh.engine.change import warn_of_own_token
from tokensh.engine.create import Creation
from tokensh.engine.delivery import deliver_exec, find_secrets
from tokensh.engine.execution import Execution
from tokensh.engine.fetch import describe_pages, find_further_page, locate_errors
from tokensh.engine.insert import create_and_deliver
from tokensh.engine.writes import (
    attribute_to_cell,
    build_request,
    check_body,
    forget_revoked,
    name_workspace,
    send_write,
)
from tokensh.plan.nodes import ExecPlan
from tokensh.rows import Column, Row, Value


def run_exec(execution: Execution, plan: ExecPlan) -> Generator[Row, None, None]:
    """Call the method once and yield the rows of its response."""
    arguments = execution.database.evaluate([sql for _, sql in plan.values]) if plan.values else ()
    request, values = _build_request(execution, plan, arguments)
    if _deletes(plan):
        revoked = {**values, **{name: attribute_to_cell(value) for name, value in (request.body or {}).items()}}
        warn_of_own_token(execution, revoked, request)
        execution.approve(plan, [revoked])
    if request.creates_secret:
        creation = Creation(plan.resource, plan.method, values, request)
        failure = yield from create_and_deliver(
            execution,
            creation,
            lambda response: deliver_exec(plan.columns, response, find_secrets(plan.method, response)),
        )
        if failure is not None:
            raise failure
        return
    if request.method == "GET":
        objects: Sequence[Mapping[str, Json]] = list(chain.from_iterable(_read_pages(execution, plan, request)))
    else:
        objects = send_write(execution, plan.method, request, deletes=_deletes(plan))
    if _deletes(plan):
        forget_revoked(execution, [{**values, **(request.body or {})}])
    # The path of a cell's JSON, for errors in it.
    path = plan.method.object_key or "$"
    for index, row in enumerate(objects):
        if plan.columns:
            yield _to_cells(plan.columns, row, f"{path}[{index}]" if plan.method.returns_list else path)


def _read_pages(execution: Execution, plan: ExecPlan, request: Request) -> Iterator[Sequence[Mapping[str, Json]]]:
    """Yield the rows of each page, all of them if the document says how pages are asked for; else report that rows lack."""
    execution.announce(plan.method, request)
    pages: set[str] = set()
    while True:
        response = execution.services.client.send(request)
        yield find_rows(plan.method, response)
        further = find_further_page(plan.resource, plan.method, response, pages, execution.services.max_pages)
        if further is None:
            break
        request = further.request
        pages.add(further.token)
    if not pages and (sign := describe_next_page(plan.method, response)):
        error = describe_pages({request.target.name: sign})
        execution.callbacks.on_missing({request.target.name: error})
        execution.callbacks.on_failure(error)


def _build_request(execution: Execution, plan: ExecPlan, arguments: Row) -> tuple[Request, dict[str, Value]]:
    """Return the request and those of its arguments that are not in its body."""
    value_by_parameter = dict(zip((p for p, _ in plan.values), arguments, strict=True))
    given = {p.name: value for p, value in value_by_parameter.items() if p.location != "body"}
    values = name_workspace(execution, plan.method, {**plan.defaults, **given})
    body: dict[str, Json] = dict(plan.body or {})  # type: ignore[arg-type] # it was read as JSON
    for parameter, value in value_by_parameter.items():
        if parameter.location == "body" and value is not None:
            with locate_errors(plan.spans[parameter.name]):
                body[parameter.name] = to_json(parameter, value)
    check_body(plan, body, by_id=_deletes(plan))
    # A wrong host is the likeliest error of building a request, so errors point at the argument that names it.
    server_spans = (plan.spans[p.name] for p in value_by_parameter if p.location == "server")
    with locate_errors(next(server_spans, plan.span)):
        return build_request(execution, plan.method, values, body if plan.method.has_body else None), values


def _deletes(plan: ExecPlan) -> bool:
    return plan.method.http_method == "DELETE" or plan.method.name == plan.resource.delete_method


def _to_cells(columns: Sequence[Column], row: Mapping[str, Json], path: str) -> Row:
    return tuple(to_cell(column.type, row.get(column.name), f"{path}.{column.name}") for column in columns)
