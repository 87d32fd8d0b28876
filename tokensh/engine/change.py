"""UPDATE, REPLACE and DELETE of a resource: the rows that are hit, approval of them, and one request for each."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from itertools import product

from tokensh.api.request import Json, Request, to_json
from tokensh.api.response import find_rows
from tokensh.engine.advice import find_lost_grants
from tokensh.engine.delivery import deliver_reply
from tokensh.engine.execution import Execution
from tokensh.engine.fetch import is_not_found, locate_errors
from tokensh.engine.writes import build_request, check_body, count_rows, first_object, forget_revoked, send_write
from tokensh.errors import ApiError, Error, MissingParameter, assert_never
from tokensh.plan.nodes import ChangePlan, Keys, SelectPlan
from tokensh.provider.model import Method, Parameter
from tokensh.rows import Row, Value
from tokensh.sql.quoting import literal
from tokensh.text import escape_unsafe

Change = tuple[dict[str, Value], Request]
"""One row that is hit, by column name, and the request that changes it."""

_GRANTS = "access_control_list"
_REPEAT = "for the rest: the same statement again"
_MOST_ROWS_REPEATED = 20
_DONE_WORDS = {"DELETE": "revoked", "UPDATE": "updated", "REPLACE": "replaced"}


def run_change(execution: Execution, plan: ChangePlan) -> Generator[Row, None, None]:
    """Change one row after the other, and yield each RETURNING row before the next request is sent."""
    # All rows are known, approved and turned into requests before the first is changed.
    rows = list(_find_rows(execution, plan))
    changes = sort_own_token_last(execution, _build_changes(execution, plan, rows))
    if plan.verb == "REPLACE":
        _warn_of_lost_grants(execution, plan, changes)
    # An UPDATE of rows that the statement names by key says itself what it changes; a DELETE cannot be undone.
    if plan.filtered or plan.verb == "DELETE":
        assigned = {p.name for p in plan.assigned}
        execution.approve(plan, [{k: v for k, v in row.items() if k not in assigned} for row in rows])
    yield from _send_changes(execution, plan, changes)


def _send_changes(execution: Execution, plan: ChangePlan, changes: Sequence[Change]) -> Generator[Row, None, None]:
    total, deletes = len(changes), plan.verb == "DELETE"
    for done, (row, request) in enumerate(changes):
        if plan.returning is None and total > 1:
            execution.callbacks.on_rows_done(done, total, _DONE_WORDS[plan.verb])
        try:
            response = first_object(send_write(execution, plan.method, request, deletes=deletes))
        except Error as error:
            if deletes and is_not_found(error):
                forget_revoked(execution, row)
                continue  # it was gone before: this statement did not delete it, so it returns no row for it
            raise count_rows(error, done, total, _describe_rest(plan, changes[done:])) from None
        # Before RETURNING, which may fail: the token is gone whatever happens to its row.
        if deletes:
            forget_revoked(execution, row)
        returned, failure = deliver_reply(execution, plan, response, row)
        if returned is not None:
            yield returned
        if failure is not None:
            raise count_rows(failure, done + 1, total, _describe_rest(plan, changes[done + 1 :]), tried=0)
    if plan.returning is None and total > 1:
        execution.callbacks.on_rows_done(total, total, _DONE_WORDS[plan.verb])


def _describe_rest(plan: ChangePlan, changes: Sequence[Change]) -> str:
    """Return the statement for the rows that are not done; many of them are found again by the same statement."""
    if not changes:
        return ""
    assignments = {
        ", ".join(f"{p.sql_name} = {literal(row[f'data__{p.name}'])}" for p in plan.assigned) for row, _ in changes
    }
    if len(changes) > _MOST_ROWS_REPEATED or len(assignments) > 1:
        return _REPEAT
    *places, key = (p.sql_name.removeprefix("data__") for p in plan.parameters)
    keys_by_place: dict[str, list[str]] = {}
    for row, _ in changes:
        place = "".join(f"{name} = {literal(row[name])} AND " for name in places)
        keys_by_place.setdefault(place, []).append(literal(row[key]))
    where = " OR ".join(f"{place}{key} IN ({', '.join(keys)})" for place, keys in keys_by_place.items())
    head = "DELETE FROM" if plan.verb == "DELETE" else plan.verb
    setting = f" SET {assignments.pop()}" if plan.assigned else ""
    return f"for the rest: {head} {plan.resource.id}{setting} WHERE {where};"


def sort_own_token_last(execution: Execution, changes: list[Change]) -> list[Change]:
    """Move revokes of the tokens that requests are signed with to the end, after a warning: what follows them is refused."""
    own = [change for change in changes if _revokes_own_token(execution, *change)]
    return [change for change in changes if change not in own] + own if own else changes


def _revokes_own_token(execution: Execution, row: Mapping[str, Value], request: Request) -> bool:
    # A token's id is the SHA-256 of its value, so the client knows it without asking.
    token_id = row.get("token_id")
    if token_id is None or execution.services.client.signing_token_id(request.target) != token_id:
        return False
    execution.callbacks.note(
        f"warning: token {token_id} signs the requests to {request.target.name}: once it is revoked, they are refused"
    )
    return True


# ---- permissions


def _warn_of_lost_grants(execution: Execution, plan: ChangePlan, changes: Sequence[Change]) -> None:
    """Warn of principals that a new access control list leaves out, and ask: Databricks deletes their tokens."""
    reader = next((m for m in plan.resource.methods_for("SELECT") if any(f.name == _GRANTS for f in m.fields)), None)
    if reader is None or all(p.name != _GRANTS for p in plan.method.body):
        return
    lost: list[Mapping[str, Value]] = []
    for row, request in changes:
        keys = {p.name: row[p.name] for p in plan.parameters}
        for kind, name in find_lost_grants(_read_grants(execution, reader, keys), (request.body or {}).get(_GRANTS)):
            lost.append({**keys, kind: name})
            execution.callbacks.note(
                f"warning: {kind} {escape_unsafe(name)} is not in the new list for {request.target.name}: tokens of users who"
                " have CAN_USE only through it are deleted at once and cannot be restored"
            )
    if lost:
        execution.approve(plan, lost)


def _read_grants(execution: Execution, reader: Method, keys: Mapping[str, Value]) -> Mapping[str, Json]:
    try:
        return first_object(find_rows(reader, execution.services.client.send(build_request(execution, reader, keys))))
    except ApiError as error:
        if is_not_found(error):
            return {}  # a workspace has no permissions object before its first token
        raise


# ---- the rows that are hit


def _find_rows(execution: Execution, plan: ChangePlan) -> Iterator[dict[str, Value]]:
    """Yield the rows that a change hits: parameters, assigned attributes (`data__x`), listed fields."""
    assigned = [f"data__{p.name}" for p in plan.assigned]
    keys = [p.name for p in plan.parameters]
    match plan.source:
        case Keys():
            yield from _combine_keys(execution, plan.source, plan.parameters, assigned)
        case SelectPlan():
            width = len(keys) + len(assigned)
            fields = [column.name for column in plan.source.columns[width:]]
            for row in execution.select(plan.source):
                listed = dict(zip(fields, row[width:], strict=True))
                yield listed | dict(zip((*keys, *assigned), row, strict=False))
        case _:
            assert_never(plan.source)


def _combine_keys(
    execution: Execution, keys: Keys, parameters: Sequence[Parameter], assigned: Sequence[str]
) -> Iterator[dict[str, Value]]:
    """Yield one row for each combination of the keys' values, with the same assigned values in each."""
    database = execution.database
    execution.create_tables(keys.scans, keys.stored)
    derived = execution.create_derived(keys.derived)
    values = execution.parameter_values(keys.scans, derived)
    execution.fetch(keys.scans, values)
    derived.fill()
    assigned_values: dict[str, Value] = {}
    if keys.assigned:
        (row,) = database.query(keys.assigned.sql)
        assigned_values = dict(zip(assigned, row, strict=True))
    sets = [values.evaluate(keys.values[p.name.lower()], p) for p in parameters]
    for combination in product(*sets):
        yield dict(zip((p.name for p in parameters), combination, strict=True)) | assigned_values


def _build_changes(execution: Execution, plan: ChangePlan, rows: Sequence[dict[str, Value]]) -> list[Change]:
    """Build all requests before the first is sent, so that a bad value in the last row changes nothing."""
    sets = plan.source.values if isinstance(plan.source, Keys) else None
    changes = []
    for row in rows:
        key_values = {p.name.lower(): row[p.name] for p in plan.parameters}
        with locate_errors(plan.span, sets, key_values, plan.method):
            changes.append((row, _build_request(execution, plan, row)))
    return changes


def _build_request(execution: Execution, plan: ChangePlan, row: Mapping[str, Value]) -> Request:
    """Return the request for one row; keys that the method takes in its body go there."""
    for parameter in plan.parameters:
        value = row[parameter.name]
        if value is None or (isinstance(value, str) and not value.strip()):
            raise MissingParameter(
                f"a row that this {plan.verb} hits has no {parameter.name}, or one that is empty or not a text",
                names=(parameter.name,),
                hint="nothing was changed; EXEC takes what is meant by its value",
            )
    routing = {p.name for p in plan.method.routing}
    in_body = {p.name: p for p in plan.method.body if p.name not in routing}
    values = {p.name: row[p.name] for p in plan.parameters if p.name not in in_body}
    body: dict[str, Json] = {
        p.name: to_json(in_body[p.name], row[p.name]) for p in plan.parameters if p.name in in_body
    }
    for parameter in plan.assigned:
        body[parameter.name] = to_json(parameter, row[f"data__{parameter.name}"])
    check_body(plan, body, by_id=True)
    return build_request(execution, plan.method, values, body if plan.method.has_body else None)
