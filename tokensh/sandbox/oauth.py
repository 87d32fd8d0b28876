"""OAuth for machines: discovery documents and client credentials, for each workspace and at the account's own host."""

from __future__ import annotations

import base64
import binascii
from urllib.parse import parse_qsl

from tokensh.sandbox.http import JsonObject, Reply, Request, json_reply
from tokensh.sandbox.seed import ACCOUNT_ID, CLIENT_SECRET, ROBOT
from tokensh.sandbox.state import State

CONFIG_PATH = "/.well-known/databricks-config"
METADATA_PATH = "/oidc/.well-known/oauth-authorization-server"
TOKEN_PATH = "/oidc/v1/token"  # noqa: S105 (a path)
ACCOUNT_TOKEN_PATH = f"/oidc/accounts/{ACCOUNT_ID}/v1/token"


def handle(state: State, base: str, request: Request) -> Reply | None:
    """Return the reply to an OAuth or discovery request, or None for any other request.

    `base` is the URL of the requested host. These requests need no bearer credential.
    """
    match request.method, request.path:
        case "GET", path if path == CONFIG_PATH:
            return json_reply(_discovery_document(state, base, request))
        case "GET", path if path == METADATA_PATH:
            endpoints = {"authorization_endpoint": base + "/oidc/v1/authorize", "token_endpoint": base + TOKEN_PATH}
            return json_reply({"issuer": base + "/oidc", **endpoints})
        case "POST", path if path == TOKEN_PATH:
            return _issue_token(state, request)
        case "POST", path if path == ACCOUNT_TOKEN_PATH and not request.workspace:
            return _issue_token(state, request)
    return None


def _discovery_document(state: State, base: str, request: Request) -> JsonObject:
    # Clients discover the token endpoint and the kind of host from this document, the account's own host included.
    config: JsonObject = {"oidc_endpoint": base + "/oidc", "account_id": ACCOUNT_ID, "cloud": "AWS"}
    if not request.workspace:
        return config | {"host_type": "unified"}
    number = str(state.workspace(request.workspace).number)
    audiences = [base + TOKEN_PATH]
    return config | {
        "host_type": "workspace",
        "workspace_id": number,
        "token_federation_default_oidc_audiences": audiences,
    }


def _issue_token(state: State, request: Request) -> Reply:
    form = dict(parse_qsl(request.body.decode("utf-8", "replace")))
    if _basic_credentials(request) != (ROBOT.name, CLIENT_SECRET):
        return _error_reply(401, "invalid_client", "Client authentication failed")
    if form.get("grant_type") != "client_credentials":
        return _error_reply(400, "unsupported_grant_type", "Only client_credentials is supported")
    # Asked at the account's host, the token is valid in every workspace; asked at a workspace, only there.
    access = state.issue_access_token(ROBOT, request.workspace or None)
    scope = form.get("scope", "all-apis")
    lifetime = state.settings.oauth_lifetime
    return json_reply({"access_token": access, "token_type": "Bearer", "expires_in": lifetime, "scope": scope})


def _basic_credentials(request: Request) -> tuple[str, str]:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name, secret


def _error_reply(status: int, error: str, description: str) -> Reply:
    return json_reply({"error": error, "error_description": description}, status)
