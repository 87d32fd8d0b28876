"""The access control list of tokens (`/api/2.0/permissions/authorization/tokens`), as in the Databricks permissions API."""

from __future__ import annotations

from tokensh.sandbox.http import JsonObject, get_text, invalid, missing
from tokensh.sandbox.seed import PRINCIPALS
from tokensh.sandbox.state import Grant, Workspace

PATH = "/api/2.0/permissions/authorization/tokens"

_KINDS = {
    "user_name": "UserName",
    "group_name": "GroupName",
    "service_principal_name": "ServicePrincipalName",
}
_KNOWN: set[Grant] = set().union(*(principal.grantees for principal in PRINCIPALS))
_DISPLAY_NAMES = {(principal.kind, principal.name): principal.display_name for principal in PRINCIPALS}
_ADMINS: Grant = ("group_name", "admins")
LEVELS = {
    # CAN_MANAGE is listed, but only admins have it and it cannot be granted (see `_parse_grant`).
    "permission_levels": [
        {"permission_level": "CAN_USE", "description": "Can use tokens"},
        {"permission_level": "CAN_MANAGE", "description": "Can manage tokens"},
    ]
}


def show_acl(workspace: Workspace) -> JsonObject:
    """Return the access control list; admins always have CAN_MANAGE.

    Raises:
        RefusedError: The workspace never had a token; the API then has no such object.
    """
    if not workspace.had_tokens:
        raise missing("tokens tokens does not exist")
    entries = [_acl_entry(_ADMINS, "CAN_MANAGE"), *(_acl_entry(grant, "CAN_USE") for grant in sorted(workspace.grants))]
    return {"object_id": "/authorization/tokens", "object_type": "tokens", "access_control_list": entries}


def _acl_entry(grant: Grant, level: str) -> JsonObject:
    kind, name = grant
    entry: JsonObject = {kind: name}
    if grant in _DISPLAY_NAMES:
        entry["display_name"] = _DISPLAY_NAMES[grant]
    return entry | {"all_permissions": [{"permission_level": level, "inherited": False}]}


def replace_acl(workspace: Workspace, fields: JsonObject) -> JsonObject:
    """Replace the list. Destructive: principals removed from it lose all their tokens."""
    show_acl(workspace)
    workspace.replace_grants(_parse_grants(fields))
    return show_acl(workspace)


def extend_acl(workspace: Workspace, fields: JsonObject) -> JsonObject:
    """Add entries to the list."""
    show_acl(workspace)
    workspace.grants |= _parse_grants(fields)
    return show_acl(workspace)


def _parse_grants(fields: JsonObject) -> set[Grant]:
    entries = fields.get("access_control_list") or []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise invalid("access_control_list must be an array of objects")
    # Admins always keep CAN_MANAGE, so an entry for them changes nothing.
    return {_parse_grant(entry) for entry in entries} - {_ADMINS}


def _parse_grant(entry: JsonObject) -> Grant:
    principals = [(kind, name) for kind in _KINDS if (name := get_text(entry, kind))]
    if len(principals) != 1:
        raise invalid(f"each entry of access_control_list needs one of {', '.join(_KINDS)}")
    [grant] = principals
    # The API refuses principals that do not exist; a typing error must not silently lock somebody out.
    if grant not in _KNOWN:
        kind, name = grant
        raise missing(f"Principal: {_KINDS[kind]}({name}) does not exist")
    level = get_text(entry, "permission_level")
    if level != ("CAN_MANAGE" if grant == _ADMINS else "CAN_USE"):
        raise invalid(f"permission_level '{level}' cannot be granted here; only CAN_USE can")
    return grant
