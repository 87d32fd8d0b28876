"""`--auth` in StackQL's spelling: a JSON object that names, for each provider, where its credential is.

The types are those of StackQL's any-sdk (token-api.md section 2.6). What it would read from a variable or a file is read from
there; a secret that stands in the JSON itself is refused, for every process of the machine can read a command line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tokensh.api import profiles
from tokensh.api.auth import ConfiguredCredential
from tokensh.api.hosts import parse_origin
from tokensh.api.oauth import ServicePrincipal
from tokensh.environment import Environment, is_exposed
from tokensh.errors import InterfaceError

PROVIDER = "databricks_workspace"
_EXAMPLE = f'{{"{PROVIDER}": {{"type": "bearer", "credentialsenvvar": "DATABRICKS_TOKEN"}}}}'
_SECRETS = ("client_secret", "api_key", "api_secret", "password", "encodedBasicCredentials", "keyID")
_VARIABLE = re.compile(r"\{\{\s*\.__env__(\w+)\s*\}\}")
_ACCOUNT = re.compile(r"/oidc/accounts/([\w-]+)/v1/token")
_WORKSPACE = "/oidc/v1/token"


def parse_auth(text: str, environment: Environment) -> ConfiguredCredential | None:
    """The credential that `--auth` names for databricks_workspace; None where it names none.

    Raises InterfaceError, which never repeats a value, for what cannot be used.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise InterfaceError("--auth is no JSON", hint=f"for example {_EXAMPLE}") from None
    if not isinstance(found, dict) or not all(isinstance(one, dict) for one in found.values()):
        raise InterfaceError("--auth is not an object of providers", hint=f"for example {_EXAMPLE}")
    if PROVIDER not in found:
        return None
    setting: Mapping[str, Any] = found[PROVIDER]
    if given := next((name for name in _SECRETS if setting.get(name)), None):
        raise InterfaceError(
            f"--auth holds the secret {given} itself, and command lines can be read by others",
            hint="name the variable that holds it: credentialsenvvar, client_secret_env_var",
        )
    return _setting(setting, environment)


def _setting(setting: Mapping[str, Any], environment: Environment) -> ConfiguredCredential:
    kind = setting.get("type")
    if kind == "bearer" or (kind == "api_key" and str(setting.get("valuePrefix", "")).strip().lower() == "bearer"):
        return _bearer(setting, environment)
    if kind == "oauth2" and setting.get("grant_type", "client_credentials") == "client_credentials":
        return _machine(setting, environment)
    raise InterfaceError(
        f"--auth: type {json.dumps(kind)} cannot be used for {PROVIDER}",
        hint="the types are bearer, api_key with the valuePrefix Bearer, and oauth2 with client_credentials",
    )


def _bearer(setting: Mapping[str, Any], environment: Environment) -> ConfiguredCredential:
    variable, path = setting.get("credentialsenvvar"), setting.get("credentialsfilepath")
    if isinstance(variable, str) and variable:
        return ConfiguredCredential(
            _held(variable, environment), f"{variable}, which --auth names", _bound(variable, environment)
        )
    if not isinstance(path, str) or not path:
        raise InterfaceError("--auth: bearer needs credentialsenvvar or credentialsfilepath", hint=_EXAMPLE)
    try:
        file = Path(path).expanduser()
        content, exposed = file.read_text("utf-8").strip(), is_exposed(file)
    except (OSError, UnicodeDecodeError) as failure:
        reason = failure.strerror if isinstance(failure, OSError) else "it is no UTF-8"
        raise InterfaceError(f"--auth: {path} cannot be read: {reason}") from None
    if exposed:
        raise InterfaceError(f"--auth: {path} can be read by others; it is not used", hint=f"chmod 600 {path}")
    return ConfiguredCredential(content, f"{path}, which --auth names")


def _machine(setting: Mapping[str, Any], environment: Environment) -> ConfiguredCredential:
    name = str(setting.get("client_secret_env_var") or "DATABRICKS_CLIENT_SECRET")
    secret = _held(name, environment)
    identity = str(setting.get("client_id") or "")
    client_id = identity or _held(str(setting.get("client_id_env_var") or "DATABRICKS_CLIENT_ID"), environment)
    origin, account = _endpoint(str(setting.get("token_url") or ""), environment)
    source = f"{name}, which --auth names"
    return ConfiguredCredential(
        ServicePrincipal(client_id, secret, account), source, origin or _bound(name, environment), account
    )


def _endpoint(url: str, environment: Environment) -> tuple[str, str]:
    """The origin that a token URL binds the credential to, and its account. Raises InterfaceError."""
    if not url:
        return "", environment.get("DATABRICKS_ACCOUNT_ID")
    filled = _VARIABLE.sub(lambda found: _held(found[1], environment), url)
    place = parse_origin(filled)
    path = urlsplit(filled).path.rstrip("/") if place else ""
    if place is not None and (account := _ACCOUNT.fullmatch(path)):
        return ("" if place.is_loopback else place.origin), account[1]
    if place is not None and path == _WORKSPACE:
        return place.origin, ""
    raise InterfaceError(
        "--auth: the token_url is no token endpoint of Databricks",
        hint="it ends in /oidc/accounts/ACCOUNT/v1/token, or in /oidc/v1/token for one workspace",
    )


def _held(variable: str, environment: Environment) -> str:
    value = environment.get(variable)
    if not value:
        raise InterfaceError(f"--auth names the variable {variable}, which is not set")
    return value


def _bound(variable: str, environment: Environment) -> str:
    """DATABRICKS_HOST binds what the other DATABRICKS_ variables hold, by whatever way they are named."""
    host = environment.get("DATABRICKS_HOST") if variable.startswith("DATABRICKS_") else ""
    return (profiles.normalize_host(host) or host) if host else ""
