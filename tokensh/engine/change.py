"""UPDATE, REPLACE and DELETE of a resource: the rows that are hit, approval of them, and one request for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from itertools import chain, product

from tokensh.api.limits import MAX_CONNECTIONS
from tokensh.api.request import Json, Request, to_json
from tokensh.api.response import find_rows
from tokensh.engine.advice import find_lost_grants
from tokensh.engine.delivery import deliver_reply
from tokensh.engine.execution import Execution
from tokensh.engine.fetch import is_not_found, locate_errors
from tokensh.engine.writes import build_request, check_body, count_rows, first_object, forget_revoked, send_writes
from tokensh.errors import ApiError, Error, MissingParameter, UnknownOutcome, assert_never
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
    changes, own = _separate_own_tokens(execution, _build_changes(execution, plan, rows))
    if plan.verb == "REPLACE":
        _warn_of_lost_grants(execution, plan, [*changes, *own])
    # An UPDATE of rows that the statement names by key says itself what it changes; a DELETE cannot be undone.
    if plan.filtered or plan.verb == "DELETE":
        assigned = {p.name for p in plan.assigned}
        execution.approve(plan, [{k: v for k, v in row.items() if k not in assigned} for row in rows])
    most = execution.services.write_connections if plan.verb == "DELETE" else 1
    # Nothing is sent beside the revokes of own tokens: it might be refused.
    groups = [*_group_changes(changes, most), *([change] for change in own)]
    yield from _send_changes(execution, plan, groups)


def _send_changes(
    execution: Execution, plan: ChangePlan, groups: Sequence[Sequence[Change]]
) -> Generator[Row, None, None]:
    """Send one group of changes after the other, and none after one with a failure."""
    done, total = 0, sum(map(len, groups))
    reports = plan.returning is None and total > 1
    for number, group in enumerate(groups, 1):
        if reports:
            execution.callbacks.on_rows_done(done, total, _DONE_WORDS[plan.verb])
        failed, errors = yield from _send_group(execution, plan, group)
        done += len(group) - len(failed)
        if errors:
            unknown = [error for error in errors if isinstance(error, UnknownOutcome)]
            rest = [*failed, *chain.from_iterable(groups[number:])]
            raise count_rows((unknown or errors)[0], done, total, _describe_rest(plan, rest), tried=len(failed))
    if reports:
        execution.callbacks.on_rows_done(total, total, _DONE_WORDS[plan.verb])


def _send_group(
    execution: Execution, plan: ChangePlan, group: Sequence[Change]
) -> Generator[Row, None, tuple[list[Change], list[Error]]]:
    """Send changes at the same time and yield their RETURNING rows; return those that failed, and all errors."""
    deletes = plan.verb == "DELETE"
    outcomes = send_writes(execution, plan.method, [request for _, request in group], deletes=deletes)
    gone = [deletes and isinstance(outcome, Error) and is_not_found(outcome) for outcome in outcomes]
    # Before RETURNING, which may fail: these tokens are gone whatever happens to their rows.
    if deletes:
        answers = zip(group, outcomes, gone, strict=True)
        revoked = [row for (row, _), outcome, was_gone in answers if was_gone or not isinstance(outcome, Error)]
        forget_revoked(execution, revoked)
    failed: list[Change] = []
    errors: list[Error] = []
    for change, outcome, was_gone in zip(group, outcomes, gone, strict=True):
        if was_gone:
            continue  # this statement did not delete it, so it returns no row for it
        if isinstance(outcome, Error):
            failed.append(change)
            errors.append(outcome)
            continue
        returned, failure = deliver_reply(execution, plan, first_object(outcome), change[0])
        if returned is not None:
            yield returned
        if failure is not None:
            errors.append(failure)
    return failed, errors


def _group_changes(changes: Sequence[Change], most: int) -> Iterator[list[Change]]:
    """Yield groups of changes that are sent at the same time, in order: at most `most` in each of a group's workspaces."""
    group: list[Change] = []
    counts: Counter[str] = Counter()
    for change in changes:
        workspace = change[1].target.name
        if group and (most == 1 or counts[workspace] == most or len(group) == MAX_CONNECTIONS):
            yield group
            group = []
            counts.clear()
        group.append(change)
        counts[workspace] += 1
    if group:
        yield group


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


def _separate_own_tokens(execution: Execution, changes: Sequence[Change]) -> tuple[list[Change], list[Change]]:
    """Return the changes without and with revokes of the tokens that requests are signed with, after a warning of those."""
    groups: tuple[list[Change], list[Change]] = ([], [])
    for change in changes:
        groups[warn_of_own_token(execution, *change)].append(change)
    return groups


def warn_of_own_token(execution: Execution, row: Mapping[str, Value], request: Request) -> bool:
    """Return whether a revoke is of the token that its request is signed with, after a warning if it is."""
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
