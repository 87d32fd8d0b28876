"""Which call does what: the token, token-management, permissions, SCIM, workspace-conf and account routes.

Shapes, codes and limits follow the Databricks REST API documentation (token, token management, permissions).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

from tokensh.sandbox import oauth, permissions
from tokensh.sandbox.http import (
    Json,
    RefusedError,
    Reply,
    Request,
    integer,
    invalid,
    malformed,
    missing,
    no_endpoint,
    reply,
    strings,
    text,
)
from tokensh.sandbox.seed import ACCOUNT_ID, PRINCIPALS
from tokensh.sandbox.state import Order, Principal, State, Token, Workspace


@dataclass(frozen=True, slots=True)
class Call:
    """An authenticated request to a workspace; `key` is the path's last part where the route has an `{id}` there."""

    state: State
    workspace: Workspace
    principal: Principal
    request: Request
    key: str


Handler = Callable[[Call], Json | None]
"""Gives the reply's JSON object, or None for a reply without a body."""


def answer(state: State, origin: str, request: Request) -> Reply:
    """The reply to a request, be it a refusal; `origin` is this server's own scheme, host and port."""
    try:
        return _answer(state, origin, request)
    except RefusedError as refusal:
        return refusal.reply(request.request_id)


def _answer(state: State, origin: str, request: Request) -> Reply:
    workspace = state.workspace(request.workspace) if request.workspace else None
    base = origin + (f"/w/{request.workspace}" if workspace else "")
    found = oauth.answer(state, base, request)
    if found is not None:
        return found
    principal = state.authenticate(request, workspace)
    if workspace is None:
        return _account(state, principal, request)
    handler, key = _route(request)
    made = handler(Call(state, workspace, principal, request, key))
    headers = {"X-Databricks-Org-Id": str(workspace.number)}
    return reply(made, headers=headers) if made is not None else Reply(204, headers=headers)


def _account(state: State, principal: Principal, request: Request) -> Reply:
    if (request.method, request.path) != ("GET", f"/api/2.0/accounts/{ACCOUNT_ID}/workspaces"):
        raise no_endpoint(request)
    _require_admin(principal)
    return reply([_workspace(state.workspace(name)) for name in state.names])


def _workspace(workspace: Workspace) -> Json:
    return {
        "account_id": ACCOUNT_ID,
        "workspace_id": workspace.number,
        "workspace_name": workspace.name,
        "deployment_name": workspace.name,
        "aws_region": "us-east-1",
        "workspace_status": "RUNNING",
    }


def _create(call: Call) -> Json:
    _require_tokens(call)
    value, token = call.workspace.create(call.principal, call.principal, _order(call.request.fields()))
    return {"token_value": value, "token_info": _own_row(token)}


def _list(call: Call) -> Json:
    _require_tokens(call)
    return _infos(call, [_own_row(token) for token in call.workspace.read(call.principal)])


def _delete(call: Call) -> Json:
    _require_tokens(call)
    call.workspace.revoke(_required(call.request.fields(), "token_id"), call.principal)
    return {}


def _update(call: Call) -> Json:
    _require_tokens(call)
    call.workspace.update(call.key, *_changes(call.request.fields()), owner=call.principal)
    return {}


def _all_list(call: Call) -> Json:
    _require_management(call)
    query = call.request.query
    number, name = query.get("created_by_id"), query.get("created_by_username")
    if number is not None and not number.isdecimal():
        raise invalid("created_by_id must be an int64")
    return _infos(
        call,
        [
            _full_row(token, call.workspace)
            for token in call.workspace.read()
            if number in {None, str(token.creator.number)} and name in {None, token.creator.name}
        ],
    )


def _all_get(call: Call) -> Json:
    _require_management(call)
    for token in call.workspace.read():
        if token.token_id == call.key:
            return {"token_info": _full_row(token, call.workspace)}
    raise missing(f"Token with ID {call.key} does not exist")


def _all_delete(call: Call) -> Json:
    _require_management(call)
    call.workspace.revoke(call.key)
    return {}


def _all_update(call: Call) -> Json:
    _require_management(call)
    token = call.workspace.update(call.key, *_changes(call.request.fields()))
    return _full_row(token, call.workspace)


def _all_create(call: Call) -> Json:
    _require_management(call)
    if not call.state.settings.obo:
        message = "On-behalf-of token creation for service principals is not enabled for this workspace"
        raise RefusedError(403, "FEATURE_DISABLED", message)
    fields = call.request.fields()
    application_id = _required(fields, "application_id")
    for owner in PRINCIPALS:
        if (owner.kind, owner.name) == ("service_principal_name", application_id):
            value, token = call.workspace.create(owner, call.principal, _order(fields))
            return {"token_value": value, "token_info": _full_row(token, call.workspace)}
    raise missing(f"Service principal with application ID {application_id} does not exist")


def _permissions(call: Call) -> Json:
    _require_admin(call.principal)
    match call.request.method:
        case "PUT":
            return permissions.put(call.workspace, call.request.fields())
        case "PATCH":
            return permissions.patch(call.workspace, call.request.fields())
        case _:
            return permissions.show(call.workspace)


def _permission_levels(call: Call) -> Json:
    _require_admin(call.principal)
    return permissions.LEVELS


def _me(call: Call) -> Json:
    who = call.principal
    me: Json = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": str(who.number), "active": True}
    me |= {"userName": who.name, "displayName": who.display_name}
    if who.kind == "user_name":
        me["emails"] = [{"type": "work", "value": who.name, "primary": True}]
    return me | {"groups": [{"display": group, "type": "direct"} for group in who.groups]}


_CONF_VALUES: dict[str, Callable[[str], bool]] = {
    "enableTokensConfig": lambda value: value in {"true", "false"},
    "maxTokenLifetimeDays": lambda value: value.isdecimal() and 1 <= int(value[:9]) <= 730,
}


def _conf_get(call: Call) -> Json:
    _require_admin(call.principal)
    keys = [key for key in call.request.query.get("keys", "").split(",") if key]
    if not keys or not all(key in _CONF_VALUES for key in keys):
        raise invalid("invalid Databricks Workspace configuration")
    return {key: call.workspace.conf[key] for key in keys}


def _conf_patch(call: Call) -> None:
    _require_admin(call.principal)
    fields = call.request.fields()
    for key, value in fields.items():
        # Strings only: a JSON boolean or number is refused, as by the API.
        if key not in _CONF_VALUES or not isinstance(value, str) or not _CONF_VALUES[key](value):
            raise invalid("invalid Databricks Workspace configuration")
    call.workspace.conf.update(fields)


_MANAGED = "/api/2.0/token-management"
_ROUTES: dict[tuple[str, str], Handler] = {
    ("POST", "/api/2.0/token/create"): _create,
    ("GET", "/api/2.0/token/list"): _list,
    ("POST", "/api/2.0/token/delete"): _delete,
    ("PATCH", "/api/2.0/token/{id}"): _update,
    ("GET", f"{_MANAGED}/tokens"): _all_list,
    ("GET", f"{_MANAGED}/tokens/{{id}}"): _all_get,
    ("DELETE", f"{_MANAGED}/tokens/{{id}}"): _all_delete,
    ("PATCH", f"{_MANAGED}/tokens/{{id}}"): _all_update,
    ("POST", f"{_MANAGED}/on-behalf-of/tokens"): _all_create,
    ("GET", permissions.PATH): _permissions,
    ("PUT", permissions.PATH): _permissions,
    ("PATCH", permissions.PATH): _permissions,
    ("GET", f"{permissions.PATH}/permissionLevels"): _permission_levels,
    ("GET", "/api/2.0/preview/scim/v2/Me"): _me,
    ("GET", "/api/2.0/workspace-conf"): _conf_get,
    ("PATCH", "/api/2.0/workspace-conf"): _conf_patch,
}


def _route(request: Request) -> tuple[Handler, str]:
    handler = _ROUTES.get((request.method, request.path))
    if handler is not None:
        return handler, ""
    folder, _, key = request.path.rpartition("/")
    handler = _ROUTES.get((request.method, folder + "/{id}"))
    if handler is None or not key:
        raise no_endpoint(request)
    return handler, unquote(key)


def _require_enabled(workspace: Workspace) -> None:
    if workspace.conf["enableTokensConfig"] != "true":
        # 404, not 403: that is what a workspace answers whose tokens are switched off.
        raise RefusedError(404, "FEATURE_DISABLED", "Tokens are disabled.")


def _require_tokens(call: Call) -> None:
    _require_enabled(call.workspace)
    if not call.workspace.may_use(call.principal):
        raise RefusedError(403, "PERMISSION_DENIED", "User does not have permission to use tokens.")


def _require_management(call: Call) -> None:
    _require_enabled(call.workspace)
    _require_admin(call.principal)


def _require_admin(principal: Principal) -> None:
    if not principal.is_admin:
        raise RefusedError(403, "PERMISSION_DENIED", f"User {principal.name} is not an admin of this workspace.")


def _required(fields: Json, name: str) -> str:
    value = text(fields, name)
    if not value:
        raise invalid(f"Missing required field: {name}")
    return value


def _order(fields: Json) -> Order:
    return Order(text(fields, "comment"), integer(fields, "lifetime_seconds"), strings(fields, "scopes"))


def _changes(fields: Json) -> tuple[Order, list[str]]:
    changes = fields.get("token")
    if not isinstance(changes, dict):
        raise malformed("'token' must be an object")
    return _order(changes), _required(fields, "update_mask").split(",")


def _infos(call: Call, rows: list[Json]) -> Json:
    if rows or call.state.settings.empty_list == "array":
        return {"token_infos": rows}
    # An empty list is left out altogether, as everywhere in the JSON mapping of protocol buffers.
    return {"token_infos": None} if call.state.settings.empty_list == "null" else {}


def _own_row(token: Token) -> Json:
    row: Json = {
        "token_id": token.token_id,
        "creation_time": token.creation_time,
        "expiry_time": token.expiry_time,
    }
    if token.comment is not None:
        row["comment"] = token.comment
    if token.scopes:
        row["scopes"] = list(token.scopes)
    return row


def _full_row(token: Token, workspace: Workspace) -> Json:
    row = _own_row(token) | {
        "created_by_id": token.creator.number,
        "created_by_username": token.creator.name,
        "owner_id": token.owner.number,
        "workspace_id": workspace.number,
    }
    if token.last_used_day is not None:
        row["last_used_day"] = token.last_used_day
    return row
