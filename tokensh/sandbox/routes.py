"""Route requests to handlers: tokens, token management, permissions, SCIM, workspace-conf and the account.

Shapes, codes and limits follow the Databricks REST API documentation (token, token management, permissions).
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote

from tokensh._dataclasses import dataclass, replace
from tokensh.sandbox import oauth, permissions
from tokensh.sandbox.http import (
    JsonObject,
    RefusedError,
    Reply,
    Request,
    get_flag,
    get_integer,
    get_strings,
    get_text,
    invalid,
    json_reply,
    malformed,
    missing,
    no_endpoint,
)
from tokensh.sandbox.seed import ACCOUNT_ID, PRINCIPALS
from tokensh.sandbox.state import CreateRequest, Principal, State, Token, Workspace


@dataclass(frozen=True, slots=True)
class Call:
    """An authenticated request to a workspace; `key` is the path's last part if the route has an `{id}` there, else empty."""

    state: State
    workspace: Workspace
    principal: Principal
    request: Request
    key: str


Handler = Callable[[Call], JsonObject | None]
"""A function that returns the reply's JSON object, or None for a reply without a body."""


def handle(state: State, origin: str, request: Request) -> Reply:
    """Return the reply to a request, which may be a refusal; `origin` is this server's scheme, host and port."""
    headers = {}
    try:
        workspace = state.workspace(request.workspace) if request.workspace else None
        if workspace is not None:
            headers["X-Databricks-Org-Id"] = str(workspace.number)
        reply = _dispatch(state, workspace, origin, request)
    except RefusedError as refusal:
        reply = refusal.to_reply(request.request_id)
    return replace(reply, headers={**reply.headers, **headers})


def _dispatch(state: State, workspace: Workspace | None, origin: str, request: Request) -> Reply:
    base = request.base if "://" in request.base else origin + request.base
    # Before authentication: these requests are how a client gets its credential.
    oauth_reply = oauth.handle(state, base, request)
    if oauth_reply is not None:
        return oauth_reply
    principal = state.authenticate(request, workspace)
    if workspace is None:
        return _handle_account(state, principal, request)
    handler, key = _find_route(request)
    body = handler(Call(state, workspace, principal, request, key))
    return json_reply(body) if body is not None else Reply(204)


def _handle_account(state: State, principal: Principal, request: Request) -> Reply:
    if (request.method, request.path) != ("GET", f"/api/2.0/accounts/{ACCOUNT_ID}/workspaces"):
        raise no_endpoint(request)
    _require_admin(principal)
    return json_reply([_workspace_info(state.workspace(name)) for name in state.seeded_names])


def _workspace_info(workspace: Workspace) -> JsonObject:
    return {
        "account_id": ACCOUNT_ID,
        "workspace_id": workspace.number,
        "workspace_name": workspace.name,
        "deployment_name": workspace.name,
        "aws_region": "us-east-1",
        "workspace_status": "RUNNING",
    }


def _create_token(call: Call) -> JsonObject:
    _require_tokens(call)
    value, token = call.workspace.create_token(
        call.principal, call.principal, _parse_create_request(call.request.parse_json())
    )
    return {"token_value": value, "token_info": _token_info(token)}


def _list_tokens(call: Call) -> JsonObject:
    _require_tokens(call)
    return _token_infos(call, [_token_info(token) for token in call.workspace.list_tokens(call.principal)])


def _revoke_token(call: Call) -> JsonObject:
    _require_tokens(call)
    call.workspace.revoke_token(_require_text(call.request.parse_json(), "token_id"), call.principal)
    return {}


def _update_token(call: Call) -> JsonObject:
    _require_tokens(call)
    call.workspace.update_token(call.key, *_parse_changes(call.request.parse_json()), owner=call.principal)
    return {}


def _list_all_tokens(call: Call) -> JsonObject:
    _require_management(call)
    query = call.request.query
    number, name = query.get("created_by_id"), query.get("created_by_username")
    if number is not None and not number.isdecimal():
        raise invalid("created_by_id must be an int64")
    return _token_infos(
        call,
        [
            _management_token_info(token, call.workspace)
            for token in call.workspace.list_tokens()
            # The filters compare the creator, not the owner: an on-behalf-of token is listed under the admin who made it.
            if number in {None, str(token.creator.number)} and name in {None, token.creator.name}
        ],
    )


def _get_any_token(call: Call) -> JsonObject:
    _require_management(call)
    # By way of the listing, so that an expired or idle token is found exactly when it is listed.
    for token in call.workspace.list_tokens():
        if token.token_id == call.key:
            return {"token_info": _management_token_info(token, call.workspace)}
    raise missing(f"Token with ID {call.key} does not exist")


def _revoke_any_token(call: Call) -> JsonObject:
    _require_management(call)
    call.workspace.revoke_token(call.key)
    return {}


def _update_any_token(call: Call) -> JsonObject:
    _require_management(call)
    token = call.workspace.update_token(call.key, *_parse_changes(call.request.parse_json()))
    return _management_token_info(token, call.workspace)


def _create_on_behalf(call: Call) -> JsonObject:
    _require_management(call)
    if not call.state.settings.obo:
        message = "On-behalf-of token creation for service principals is not enabled for this workspace"
        raise RefusedError(403, "FEATURE_DISABLED", message)
    fields = call.request.parse_json()
    application_id = _require_text(fields, "application_id")
    for owner in PRINCIPALS:
        if (owner.kind, owner.name) == ("service_principal_name", application_id):
            value, token = call.workspace.create_token(owner, call.principal, _parse_create_request(fields))
            return {"token_value": value, "token_info": _management_token_info(token, call.workspace)}
    raise missing(f"Service principal with application ID {application_id} does not exist")


def _handle_permissions(call: Call) -> JsonObject:
    _require_admin(call.principal)
    match call.request.method:
        case "PUT":
            return permissions.replace_acl(call.workspace, call.request.parse_json())
        case "PATCH":
            return permissions.extend_acl(call.workspace, call.request.parse_json())
        case _:
            return permissions.show_acl(call.workspace)


def _list_permission_levels(call: Call) -> JsonObject:
    _require_admin(call.principal)
    return permissions.LEVELS


def _get_current_user(call: Call) -> JsonObject:
    user = call.principal
    user_info: JsonObject = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "id": str(user.number),
        "active": True,
    }
    user_info |= {"userName": user.name, "displayName": user.display_name}
    if user.kind == "user_name":
        user_info["emails"] = [{"type": "work", "value": user.name, "primary": True}]
    return user_info | {"groups": [{"display": group, "type": "direct"} for group in user.groups]}


# The two keys that concern tokens, each with a check of its value; all values of this API are strings.
_CONF_VALUES: dict[str, Callable[[str], bool]] = {
    "enableTokensConfig": lambda value: value in {"true", "false"},
    "maxTokenLifetimeDays": lambda value: value.isascii() and value.isdecimal() and int(value[:9]) <= 730,
}


def _get_conf(call: Call) -> JsonObject:
    _require_admin(call.principal)
    keys = [key for key in call.request.query.get("keys", "").split(",") if key]
    if not keys or not all(key in _CONF_VALUES for key in keys):
        raise invalid("invalid Databricks Workspace configuration")
    return {key: call.workspace.conf[key] for key in keys}


def _update_conf(call: Call) -> None:
    _require_admin(call.principal)
    fields = call.request.parse_json()
    for key, value in fields.items():
        # The API takes strings only and refuses JSON booleans and numbers.
        if key not in _CONF_VALUES or not isinstance(value, str) or not _CONF_VALUES[key](value):
            raise invalid("invalid Databricks Workspace configuration")
    call.workspace.conf.update(fields)


_MANAGED = "/api/2.0/token-management"
_ROUTES: dict[tuple[str, str], Handler] = {
    ("POST", "/api/2.0/token/create"): _create_token,
    ("GET", "/api/2.0/token/list"): _list_tokens,
    ("POST", "/api/2.0/token/delete"): _revoke_token,
    ("PATCH", "/api/2.0/token/{id}"): _update_token,
    ("GET", f"{_MANAGED}/tokens"): _list_all_tokens,
    ("GET", f"{_MANAGED}/tokens/{{id}}"): _get_any_token,
    ("DELETE", f"{_MANAGED}/tokens/{{id}}"): _revoke_any_token,
    ("PATCH", f"{_MANAGED}/tokens/{{id}}"): _update_any_token,
    ("POST", f"{_MANAGED}/on-behalf-of/tokens"): _create_on_behalf,
    ("GET", permissions.PATH): _handle_permissions,
    ("PUT", permissions.PATH): _handle_permissions,
    ("PATCH", permissions.PATH): _handle_permissions,
    ("GET", f"{permissions.PATH}/permissionLevels"): _list_permission_levels,
    ("GET", "/api/2.0/preview/scim/v2/Me"): _get_current_user,
    ("GET", "/api/2.0/workspace-conf"): _get_conf,
    ("PATCH", "/api/2.0/workspace-conf"): _update_conf,
}


# At most one {id}, and only as the last part of the path: a dictionary and one more look-up do for a router.
def _find_route(request: Request) -> tuple[Handler, str]:
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
        # 404 instead of 403, as real workspaces reply when tokens are disabled.
        raise RefusedError(404, "FEATURE_DISABLED", "Tokens are disabled.")


# A user's own tokens need CAN_USE on tokens; managing the tokens of others needs the workspace admin.
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


def _require_text(fields: JsonObject, name: str) -> str:
    value = get_text(fields, name)
    if not value:
        raise invalid(f"Missing required field: {name}")
    return value


def _parse_create_request(fields: JsonObject) -> CreateRequest:
    return CreateRequest(
        get_text(fields, "comment"),
        get_integer(fields, "lifetime_seconds"),
        get_strings(fields, "scopes"),
        get_flag(fields, "autoscope_enabled"),
    )


def _parse_changes(fields: JsonObject) -> tuple[CreateRequest, list[str]]:
    changes = fields.get("token")
    if not isinstance(changes, dict):
        raise malformed("'token' must be an object")
    return _parse_create_request(changes), _require_text(fields, "update_mask").split(",")


def _token_infos(call: Call, rows: list[JsonObject]) -> JsonObject:
    if rows or call.state.settings.empty_list == "array":
        return {"token_infos": rows}
    # The JSON mapping of protocol buffers leaves an empty list out, but clients must accept null and [] as well.
    return {"token_infos": None} if call.state.settings.empty_list == "null" else {}


def _token_info(token: Token) -> JsonObject:
    # Absent instead of null or empty, as the JSON mapping of protocol buffers has it; clients must expect missing keys.
    row: JsonObject = {
        "token_id": token.token_id,
        "creation_time": token.creation_time,
        "expiry_time": token.expiry_time,
    }
    if token.comment is not None:
        row["comment"] = token.comment
    if token.scopes:
        row["scopes"] = list(token.scopes)
    if token.scopes or token.autoscope:
        row["autoscope_state"] = "AUTOSCOPE_STATE_" + ("USER_SELECTED" if token.scopes else "RUNNING")
    if token.last_accessed_time is not None:
        row["last_accessed_time"] = token.last_accessed_time
    return row


def _management_token_info(token: Token, workspace: Workspace) -> JsonObject:
    row = _token_info(token) | {
        "created_by_id": token.creator.number,
        "created_by_username": token.creator.name,
        "owner_id": token.owner.number,
        "workspace_id": workspace.number,
    }
    if token.last_used_day is not None:
        row["last_used_day"] = token.last_used_day
    return row
