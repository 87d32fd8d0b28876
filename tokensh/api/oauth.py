"""Obtain bearer tokens that expire: OAuth for service principals, and the logins of the Databricks CLI.

Facts: token-api.md sections 2.3, 2.4 and 2.6. A token is renewed 40 s before its end, because Databricks rejects tokens that
expire within 30 s. One lock per credential: a hundred workspaces that share one service principal make one request for its
token, and one failure is the answer to all of them for a second.

A token endpoint is discovered from the workspace's metadata only if it is on the workspace's host or under a Databricks
zone: the client secret is sent there, and the metadata come from whatever answers at the workspace's address.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Protocol

from tokensh._dataclasses import dataclass, field
from tokensh.api.hosts import ZONES, Target, is_databricks_host, parse_origin
from tokensh.api.request import Json
from tokensh.environment import Environment
from tokensh.errors import ApiError, CredentialError, Error, Interrupted
from tokensh.text import escape_unsafe, truncate

# Seconds before its end that a token counts as expired.
_RENEWAL_MARGIN = 40
# Seconds, for an answer without expires_in: OAuth makes it optional (RFC 6749 section 5.1), Databricks' tokens last an hour.
_DEFAULT_LIFETIME = 3600.0
# What the legacy CLI, a program of the same name, says to `auth token`.
_LEGACY = b"No such command"
# Seconds for the Databricks CLI to answer.
_CLI_TIMEOUT = 30
ACCOUNTS_ORIGIN = "https://accounts.cloud.databricks.com"
"""The account console of AWS, used if nothing names the cloud."""
# Seconds for which a failure to get a token is raised again: hundreds of workspaces may wait for the same token.
_FAILURE_REUSE = 1.0


class FetchJson(Protocol):
    """The type of `Client.fetch_json`."""

    def __call__(
        self, method: str, url: str, *, form: Mapping[str, str] | None = None, basic: tuple[str, str] | None = None
    ) -> Json:
        """Return the JSON value that an endpoint answers."""


@dataclass(frozen=True, slots=True)
class OAuthToken:
    """A bearer token and its expiry, in s since the epoch."""

    value: str = field(repr=False)
    expires: float


class RenewableToken:
    """A credential that one thread obtains for all when it is needed, and again when it is about to expire."""

    def __init__(
        self,
        kind: str,
        source: str,
        obtain: Callable[[], OAuthToken],
        now: Callable[[], float],
        workspace_id: str = "",
    ) -> None:
        self.kind = kind
        self.source = source
        self.workspace_id = workspace_id
        self._obtain = obtain
        self._now = now
        self._lock = threading.Lock()
        self._token: OAuthToken | None = None
        self._failure: tuple[float, CredentialError] | None = None

    def get_token(self) -> str:
        """Return the token, a new one if the last is about to expire. Raises CredentialError."""
        with self._lock:
            if self._token is None or self._now() >= self._token.expires - _RENEWAL_MARGIN:
                self._token = self._request_once()
            return self._token.value

    def _request_once(self) -> OAuthToken:
        # 0 <=: the clock may have been set back since the failure.
        if self._failure is not None and 0 <= self._now() - self._failure[0] < _FAILURE_REUSE:
            raise self._failure[1].with_context()  # each thread its own, for a traceback belongs to one raise
        try:
            return self._obtain()
        except CredentialError as error:
            self._failure = self._now(), error
            raise

    def refresh(self, rejected: str) -> bool:
        """Forget a rejected token; return True, because another one can be requested."""
        with self._lock:
            if self._token is not None and self._token.value == rejected:
                self._token = None
        return True


@dataclass(frozen=True, slots=True)
class ServicePrincipal:
    """A service principal's client id and secret, and the id of its account if it signs in there, not at one workspace."""

    client_id: str
    client_secret: str = field(repr=False)
    account_id: str = ""


def request_token(
    fetch_json: FetchJson, principal: ServicePrincipal, target: Target, source: str, now: Callable[[], float]
) -> OAuthToken:
    """Request a token for a workspace. Raises CredentialError."""
    url = (
        account_token_endpoint(target, principal.account_id)
        if principal.account_id
        else _token_endpoint(fetch_json, target)
    )
    form = {"grant_type": "client_credentials", "scope": "all-apis"}
    try:
        answer = fetch_json("POST", url, form=form, basic=(principal.client_id, principal.client_secret))
    except Interrupted:
        raise
    except Error as error:
        # A server that is busy or cannot be reached says nothing about the client id.
        is_refused = isinstance(error, ApiError) and error.status < 500 and error.status != HTTPStatus.TOO_MANY_REQUESTS
        raise CredentialError(
            f"no token from {url}: {error.message}",
            looked_at=(source,),
            hint="are the client id and secret right, and does the service principal belong to the workspace?"
            if is_refused
            else error.hint,
        ) from None
    return _read_token(answer, url, source, now)


def _read_token(answer: Json, url: str, source: str, now: Callable[[], float]) -> OAuthToken:
    value = answer.get("access_token") if isinstance(answer, dict) else None
    if not isinstance(answer, dict) or not isinstance(value, str) or not value:
        raise CredentialError(f"no access_token in the answer of {url}", looked_at=(source,))
    # A number by the RFC; a number as text is accepted too.
    try:
        lifetime = float(str(answer.get("expires_in", _DEFAULT_LIFETIME)))
    except ValueError:
        lifetime = _DEFAULT_LIFETIME
    return OAuthToken(value, now() + lifetime)


def account_token_endpoint(target: Target, account_id: str) -> str:
    """Return the account's token endpoint, as StackQL's provider names it; on loopback that of the emulated account."""
    return f"{accounts_origin(target)}/oidc/accounts/{account_id}/v1/token"


def accounts_origin(target: Target) -> str:
    """Return the address of the account console of a workspace's cloud."""
    if target.is_loopback:
        return target.origin
    zone = next((zone for zone in ZONES if target.host.endswith(zone)), None)
    return f"https://accounts{zone}" if zone else ACCOUNTS_ORIGIN


def _token_endpoint(fetch_json: FetchJson, target: Target) -> str:
    """Return a workspace's token endpoint from its metadata, else the usual one."""
    base = f"{target.origin}{target.prefix}"
    oidc = _discover_url(fetch_json, f"{base}/.well-known/databricks-config", "oidc_endpoint", target) or f"{base}/oidc"
    endpoint = _discover_url(fetch_json, f"{oidc}/.well-known/oauth-authorization-server", "token_endpoint", target)
    return endpoint or f"{base}/oidc/v1/token"


def _discover_url(fetch_json: FetchJson, url: str, name: str, target: Target) -> str | None:
    """Return an address from a discovery document, or None if the client secret may not be sent there."""
    try:
        answer = fetch_json("GET", url)
    except Interrupted:
        raise
    except Error:
        return None
    endpoint = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(endpoint, str) or (discovered := parse_origin(endpoint)) is None:
        return None
    is_trusted = discovered.origin == target.origin or (
        discovered.scheme == "https" and is_databricks_host(discovered.host)
    )
    return endpoint.rstrip("/") if is_trusted else None


# ---- the Databricks CLI


def find_cli(environment: Environment) -> str | None:
    """Return the path of the Databricks CLI: DATABRICKS_CLI_PATH, or the first `databricks` on PATH."""
    import shutil  # noqa: PLC0415 (only where no other credential is found)

    return environment.get("DATABRICKS_CLI_PATH") or shutil.which("databricks", path=environment.get("PATH", ""))


def request_cli_token(
    environment: Environment, program: str, arguments: tuple[str, ...], looked_at: tuple[str, ...]
) -> OAuthToken:
    """Return the token that `databricks auth token` prints. Raises CredentialError, which lists the sources tried."""
    import subprocess  # noqa: PLC0415 (the same)

    try:
        completed = subprocess.run(  # noqa: S603 (the user's own program; its arguments are a host or the name of a profile)
            [program, "auth", "token", *arguments],
            env=dict(environment.variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_CLI_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CredentialError(f"{program} cannot be run: {type(error).__name__}", looked_at=looked_at) from None
    try:
        answer = json.loads(completed.stdout)
        value, expires = answer["access_token"], _parse_expiry(answer["expiry"])
    except (KeyError, TypeError, ValueError):
        value, expires = None, 0.0
    if not isinstance(value, str) or not value:
        options = " ".join(arguments)
        raise CredentialError(
            f"no token from `databricks auth token {options}`{_quote_stderr(completed.stderr)}",
            looked_at=looked_at,
            hint="it is the legacy CLI: install the Databricks CLI, version 0.205 or newer"
            if _LEGACY in completed.stderr
            else f"databricks auth login {options}",
        )
    return OAuthToken(value, expires)


def _quote_stderr(stderr: bytes) -> str:
    """Return the first line of a program's error output, for the end of a message."""
    line = next(iter(stderr.decode("utf-8", "replace").strip().splitlines()), "")
    return f": {truncate(escape_unsafe(line.removeprefix('Error: ')), 200)}" if line else ""


def _parse_expiry(text: str) -> float:
    """Return a time that the CLI wrote, in s since the epoch. Raises ValueError."""
    # Go writes nanoseconds and `Z`; Python reads both only from 3.11 on.
    zone = text[19:].lstrip(".0123456789").replace("Z", "+00:00") or "+00:00"
    return datetime.fromisoformat(text[:19] + zone).timestamp()
