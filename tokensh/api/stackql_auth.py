"""Parse StackQL's `--auth`: a JSON object that names, for each provider, where its credential is.

The types are those of StackQL's any-sdk (token-api.md section 2.6). What StackQL reads from a variable or a file is read from
there; a secret in the JSON itself is refused, because every process of the machine can read a command line.
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
_VARIABLE = r"\{\{\s*\.__env__(\w+)\s*\}\}"
_ACCOUNT = r"/oidc/accounts/([\w-]+)/v1/token"
_WORKSPACE = "/oidc/v1/token"


def parse_auth(text: str, environment: Environment) -> ConfiguredCredential | None:
    """Return the credential that `--auth` names for databricks_workspace, or None.

    Raises InterfaceError, which never quotes a value, for anything unusable.
    """
    try:
        providers = json.loads(text)
    except (ValueError, RecursionError):
        raise InterfaceError("--auth is not valid JSON", hint=f"for example {_EXAMPLE}") from None
    if not isinstance(providers, dict) or not all(isinstance(setting, dict) for setting in providers.values()):
        raise InterfaceError("--auth is not an object of providers", hint=f"for example {_EXAMPLE}")
    if PROVIDER not in providers:
        return None
    setting: Mapping[str, Any] = providers[PROVIDER]
    # Refused even if unused: the user should learn that the secret is in the shell's history.
    if secret := next((name for name in _SECRETS if setting.get(name)), None):
        raise InterfaceError(
            f"--auth contains the secret {secret} itself, and other users can read command lines",
            hint="name the variable that holds it: credentialsenvvar, client_secret_env_var",
        )
    return _read_setting(setting, environment)


def _read_setting(setting: Mapping[str, Any], environment: Environment) -> ConfiguredCredential:
    kind = setting.get("type")
    if kind == "bearer" or (kind == "api_key" and str(setting.get("valuePrefix", "")).strip().lower() == "bearer"):
        return _read_bearer(setting, environment)
    if kind == "oauth2" and setting.get("grant_type", "client_credentials") == "client_credentials":
        return _read_service_principal(setting, environment)
    raise InterfaceError(
        f"--auth: unsupported type {json.dumps(kind)} for {PROVIDER}",
        hint="the types are bearer, api_key with the valuePrefix Bearer, and oauth2 with client_credentials",
    )


def _read_bearer(setting: Mapping[str, Any], environment: Environment) -> ConfiguredCredential:
    variable, path = setting.get("credentialsenvvar"), setting.get("credentialsfilepath")
    if isinstance(variable, str) and variable:
        return ConfiguredCredential(
            _require_variable(variable, environment),
            f"{variable}, which --auth names",
            _origin_for(variable, environment),
        )
    if not isinstance(path, str) or not path:
        raise InterfaceError("--auth: bearer needs credentialsenvvar or credentialsfilepath", hint=_EXAMPLE)
    try:
        file = Path(path).expanduser()
        content, exposed = file.read_text("utf-8").strip(), is_exposed(file)
    except (OSError, UnicodeDecodeError) as failure:
        reason = failure.strerror if isinstance(failure, OSError) else "not valid UTF-8"
        raise InterfaceError(f"--auth: cannot read {path}: {reason}") from None
    if exposed:
        raise InterfaceError(f"--auth: {path} is not used, because other users can read it", hint=f"chmod 600 {path}")
    return ConfiguredCredential(content, f"{path}, which --auth names")


def _read_service_principal(setting: Mapping[str, Any], environment: Environment) -> ConfiguredCredential:
    name = str(setting.get("client_secret_env_var") or "DATABRICKS_CLIENT_SECRET")
    secret = _require_variable(name, environment)
    identity = str(setting.get("client_id") or "")
    client_id = identity or _require_variable(
        str(setting.get("client_id_env_var") or "DATABRICKS_CLIENT_ID"), environment
    )
    origin, account = _parse_token_url(str(setting.get("token_url") or ""), environment)
    source = f"{name}, which --auth names"
    return ConfiguredCredential(
        ServicePrincipal(client_id, secret, account), source, origin or _origin_for(name, environment), account
    )


def _parse_token_url(url: str, environment: Environment) -> tuple[str, str]:
    """Return the origin that a token URL binds the credential to, and its account. Raises InterfaceError."""
    if not url:
        return "", environment.get("DATABRICKS_ACCOUNT_ID")
    filled = re.sub(_VARIABLE, lambda variable: _require_variable(variable[1], environment), url)
    target = parse_origin(filled)
    path = urlsplit(filled).path.rstrip("/") if target else ""
    if target is not None and (account := re.fullmatch(_ACCOUNT, path)):
        # An emulator's account is not bound to its port, which changes with each start.
        return ("" if target.is_loopback else target.origin), account[1]
    if target is not None and path == _WORKSPACE:
        return target.origin, ""
    raise InterfaceError(
        "--auth: the token_url is not a token endpoint of Databricks",
        hint="it ends in /oidc/accounts/ACCOUNT/v1/token, or in /oidc/v1/token for one workspace",
    )


def _require_variable(variable: str, environment: Environment) -> str:
    value = environment.get(variable)
    if not value:
        raise InterfaceError(f"--auth names the variable {variable}, which is not set")
    return value


def _origin_for(variable: str, environment: Environment) -> str:
    """Return the origin that binds a variable's credential: DATABRICKS_HOST binds all other DATABRICKS_ variables."""
    host = environment.get("DATABRICKS_HOST") if variable.startswith("DATABRICKS_") else ""
    return (profiles.normalize_host(host) or host) if host else ""
