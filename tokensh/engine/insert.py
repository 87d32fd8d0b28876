"""INSERT into a resource: one request per row of the query, each sent once and its RETURNING row delivered before the next."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress

from tokensh.api.request import Json, to_json
from tokensh.api.response import describe_next_page, find_rows
from tokensh.engine.advice import count_unexpired, describe_new_token
from tokensh.engine.create import Creation, find_token_id
from tokensh.engine.delivery import Delivery, deliver_reply, find_secrets, secret_fields
from tokensh.engine.destinations import NewSecret
from tokensh.engine.execution import Execution
from tokensh.engine.fetch import locate_errors
from tokensh.engine.verification import verify_secret
from tokensh.engine.writes import (
    attribute_to_cell,
    build_request,
    check_body,
    count_rows,
    first_object,
    name_workspace,
    send_write,
)
from tokensh.errors import ApiError, Error, UnknownOutcome
from tokensh.plan.nodes import InsertPlan
from tokensh.rows import Row
from tokensh.sql.quoting import literal

_OWN_TOKENS_PATH = "/api/2.0/token/list"
_MOST_ROWS_REPEATED = 20


def run_insert(execution: Execution, plan: InsertPlan) -> Generator[Row, None, None]:
    """Send the request of each row, and yield its RETURNING row before the next is sent."""
    # The whole query first: an error in its last row, or in the last request, must not leave tokens behind.
    rows = list(execution.select(plan.source))
    with locate_errors(plan.span):
        creations = [_build_creation(execution, plan, row) for row in rows]
    for done, creation in enumerate(creations):
        try:
            failure = yield from _insert_row(execution, plan, creation)
        except Error as error:
            # A row whose outcome is unknown must not be repeated blindly: its own hint says what to do.
            remaining = rows[done + isinstance(error, UnknownOutcome) :]
            raise count_rows(error, done, len(creations), _describe_remaining(plan, remaining, len(rows))) from None
        if failure is not None:
            rest = _describe_remaining(plan, rows[done + 1 :], len(rows))
            raise count_rows(failure, done + 1, len(creations), rest, tried=0)


def create_and_deliver(
    execution: Execution, creation: Creation, project: Callable[[Mapping[str, Json]], Delivery]
) -> Generator[Row, None, Error | None]:
    """Send a create, yield its row, and then note when the new token expires; return what failed after it took effect."""
    try:
        callbacks = execution.callbacks
        with execution.creator.create(
            creation, callbacks.on_activity, may_hold=callbacks.deliver_value is None
        ) as response:
            secrets = _new_secrets(creation, response)
            row, failure = project(_deliver_values(execution, creation, response, secrets))
            if row is not None:
                yield row
    except ApiError as error:
        # Databricks does not say how many tokens count, so the user could not tell how many to revoke.
        if error.code == "QUOTA_EXCEEDED":
            message = f"{error.message}{_describe_quota(execution, creation)}"
            raise error.with_context(message=message) from error.__cause__
        raise
    # Only now that the row was delivered: the notes belong below it. The token exists, so a note must not fail the statement.
    with suppress(Exception):
        for note in describe_new_token(response, execution.services.now_ms()):
            execution.services.note_later(note)
    if execution.callbacks.verifies:
        services = execution.services
        for secret in secrets:
            user = verify_secret(secret, services.client, services.environment, services.cancellation)
            services.note_later(f"{secret.describe()} works, as {user}")
    return failure


def _new_secrets(creation: Creation, response: Mapping[str, Json]) -> list[NewSecret]:
    token_id = find_token_id(response)
    values = find_secrets(creation.method, response).values()
    return [NewSecret(creation.request.target, token_id, value) for value in values]


def _deliver_values(
    execution: Execution, creation: Creation, response: Mapping[str, Json], secrets: Sequence[NewSecret]
) -> Mapping[str, Json]:
    """Deliver new secrets, and return the response without those that went elsewhere. Raises Error of a delivery."""
    for secret in secrets:
        execution.callbacks.on_new_secret(secret)
    deliver = execution.callbacks.deliver_value
    if deliver is None:
        return response
    for secret in secrets:
        place = deliver(secret)
        execution.services.note_later(f"the value of {secret.describe()} went to {place}")
    return {**response, **dict.fromkeys(find_secrets(creation.method, response))}


def _build_creation(execution: Execution, plan: InsertPlan, row: Row) -> Creation:
    value_by_parameter = dict(zip(plan.targets, row, strict=True))
    given = {p.name: value for p, value in value_by_parameter.items() if p.location != "body"}
    values = name_workspace(execution, plan.method, {**plan.defaults, **given})
    body = {
        p.name: to_json(p, value)
        for p, value in value_by_parameter.items()
        if p.location == "body" and value is not None
    }
    check_body(plan, body)
    return Creation(plan.resource, plan.method, values, build_request(execution, plan.method, values, body))


def _insert_row(execution: Execution, plan: InsertPlan, creation: Creation) -> Generator[Row, None, Error | None]:
    """Send the request of a row and yield RETURNING's; return what failed after it took effect."""
    attributes = {f"data__{name}": attribute_to_cell(value) for name, value in (creation.request.body or {}).items()}
    sent = {**creation.values, **attributes}
    if creation.request.creates_secret:
        return (
            yield from create_and_deliver(
                execution, creation, lambda response: deliver_reply(execution, plan, response, sent)
            )
        )
    response = first_object(send_write(execution, plan.method, creation.request))
    row, failure = deliver_reply(execution, plan, response, sent)
    if row is not None:
        yield row
    return failure


def _describe_quota(execution: Execution, creation: Creation) -> str:
    """Return how many tokens count for the quota, as the end of a message; empty if they cannot be listed."""
    method = next((m for m in creation.resource.methods_for("SELECT") if m.returns_list), None)
    if method is None or method.path != _OWN_TOKENS_PATH:
        return ""
    try:
        response = execution.services.client.send(build_request(execution, method, creation.values))
        if describe_next_page(method, response):
            return ""
        count = count_unexpired(find_rows(method, response), execution.services.now_ms())
    except Error:
        return ""
    return f" (you have {count:,} that are not expired)"


def _describe_remaining(plan: InsertPlan, remaining: Sequence[Row], total: int) -> str:
    """Return what to run for the rows that are not done: a statement, or their numbers if there are many."""
    if not remaining:
        return ""
    if len(remaining) > _MOST_ROWS_REPEATED:
        first = total - len(remaining) + 1
        return f"rows {first} to {total} of its query remain: run it for these alone, the others are done"
    names = ", ".join(p.sql_name for p in plan.targets)
    rows = ", ".join(f"({', '.join(map(literal, row))})" for row in remaining)
    secrets = ", ".join(secret_fields(plan.method))
    returning = f" RETURNING {secrets}" if secrets else ""
    return f"for the rest: INSERT INTO {plan.resource.id} ({names}) VALUES {rows}{returning};"  # noqa: S608 (only shown)
