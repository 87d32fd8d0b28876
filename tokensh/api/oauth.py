"""Bearer tokens that expire: OAuth for machines, and those that the Databricks CLI hands out.

Facts: token-api.md sections 2.3, 2.4 and 2.6. A token counts as expired 40 s early, for Databricks refuses those that expire
within 30 s.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

from tokensh._dataclasses import dataclass, field
from tokensh.api.hosts import ZONES, Target, is_databricks_host, parse_origin
from tokensh.api.request import Json
from tokensh.environment import Environment
from tokensh.errors import CredentialError, Error, Interrupted
from tokensh.text import escape_unsafe, truncate

_EARLY = 40
"""s before its end that a token counts as expired."""
_USUAL_LIFETIME = 3600
_CLI_TIMEOUT = 30
"""s for the Databricks CLI to answer."""
ACCOUNTS_ORIGIN = "https://accounts.cloud.databricks.com"
"""The console of accounts, where nothing says which cloud's."""
_FAILED_FOR = 1.0
"""s that a failure to get a token is told to all who ask: hundreds of workspaces may wait for the same one."""


class FetchJson(Protocol):
    """`Client.fetch_json`."""

    def __call__(
        self, method: str, url: str, *, form: Mapping[str, str] | None = None, basic: tuple[str, str] | None = None
    ) -> Json:
        """The JSON value that an endpoint answers."""


@dataclass(frozen=True, slots=True)
class OAuthToken:
    """A bearer token and when it ends, in s since the epoch."""

    value: str = field(repr=False)
    expires: float


class RenewableToken:
    """A credential that is obtained when it is needed, by one thread for all, and again when it is about to end."""

    def __init__(self, kind: str, source: str, obtain: Callable[[], OAuthToken], now: Callable[[], float]) -> None:
        self.kind = kind
        self.source = source
        self._obtain = obtain
        self._now = now
        self._lock = threading.Lock()
        self._granted: OAuthToken | None = None
        self._failure: tuple[float, CredentialError] | None = None

    def get_token(self) -> str:
        """The token, a new one if the last is about to end. Raises CredentialError."""
        with self._lock:
            if self._granted is None or self._now() >= self._granted.expires - _EARLY:
                self._granted = self._renewed()
            return self._granted.value

    def _renewed(self) -> OAuthToken:
        if self._failure is not None and 0 <= self._now() - self._failure[0] < _FAILED_FOR:
            raise self._failure[1].with_context()  # each thread its own, for a traceback belongs to one raise
        try:
            return self._obtain()
        except CredentialError as error:
            self._failure = self._now(), error
            raise

    def refresh(self, rejected: str) -> bool:
        """Forget a token that was refused; whether another may be had."""
        with self._lock:
            if self._granted is not None and self._granted.value == rejected:
                self._granted = None
        return True


@dataclass(frozen=True, slots=True)
class ServicePrincipal:
    """A service principal's client id and secret, and the account they belong to, if they are the account's."""

    client_id: str
    client_secret: str = field(repr=False)
    account_id: str = ""


def request_token(
    fetch: FetchJson, machine: ServicePrincipal, target: Target, source: str, now: Callable[[], float]
) -> OAuthToken:
    """Get a token for a workspace. Raises CredentialError."""
    url = account_token_endpoint(target, machine.account_id) if machine.account_id else _token_endpoint(fetch, target)
    form = {"grant_type": "client_credentials", "scope": "all-apis"}
    try:
        answer = fetch("POST", url, form=form, basic=(machine.client_id, machine.client_secret))
    except Interrupted:
        raise
    except Error as error:
        raise CredentialError(
            f"{url} gives no token: {error.message}",
            looked_at=(source,),
            hint="are the client id and secret right, and does the service principal belong to the workspace?",
        ) from None
    return _granted(answer, url, source, now)


def _granted(answer: Json, url: str, source: str, now: Callable[[], float]) -> OAuthToken:
    value = answer.get("access_token") if isinstance(answer, dict) else None
    if not isinstance(answer, dict) or not isinstance(value, str) or not value:
        raise CredentialError(f"{url} answered without an access_token", looked_at=(source,))
    try:
        lifetime = float(str(answer.get("expires_in", _USUAL_LIFETIME)))
    except ValueError:
        lifetime = _USUAL_LIFETIME
    return OAuthToken(value, now() + lifetime)


def account_token_endpoint(target: Target, account_id: str) -> str:
    """The account's token endpoint, as StackQL's provider has it; on loopback that of the emulated account."""
    return f"{accounts_origin(target)}/oidc/accounts/{account_id}/v1/token"


def accounts_origin(target: Target) -> str:
    """The address of the console of accounts of a workspace's cloud."""
    if target.is_loopback:
        return target.origin
    zone = next((zone for zone in ZONES if target.host.endswith(zone)), None)
    return f"https://accounts{zone}" if zone else ACCOUNTS_ORIGIN


def _token_endpoint(fetch: FetchJson, target: Target) -> str:
    """A workspace's token endpoint: as its metadata say, else where it usually is."""
    base = f"{target.origin}{target.prefix}"
    oidc = _told(fetch, f"{base}/.well-known/databricks-config", "oidc_endpoint", target) or f"{base}/oidc"
    told = _told(fetch, f"{oidc}/.well-known/oauth-authorization-server", "token_endpoint", target)
    return told or f"{base}/oidc/v1/token"


def _told(fetch: FetchJson, url: str, name: str, target: Target) -> str | None:
    """An address of a discovery document, if it is one that the client's secret may go to."""
    try:
        answer = fetch("GET", url)
    except Interrupted:
        raise
    except Error:
        return None
    found = answer.get(name) if isinstance(answer, dict) else None
    place = parse_origin(found) if isinstance(found, str) else None
    if place is None or not isinstance(found, str):
        return None
    trusted = place.origin == target.origin or (place.scheme == "https" and is_databricks_host(place.host))
    return found.rstrip("/") if trusted else None


# ---- the Databricks CLI


def find_cli(environment: Environment) -> str | None:
    """The Databricks CLI: DATABRICKS_CLI_PATH, or the first `databricks` on PATH."""
    import shutil  # noqa: PLC0415 (only where no other credential is found)

    return environment.get("DATABRICKS_CLI_PATH") or shutil.which("databricks", path=environment.get("PATH", ""))


def request_cli_token(
    environment: Environment, program: str, arguments: tuple[str, ...], looked_at: tuple[str, ...]
) -> OAuthToken:
    """What `databricks auth token` prints. Raises CredentialError, which names what was looked at."""
    import subprocess  # noqa: PLC0415 (the same)

    try:
        done = subprocess.run(  # noqa: S603 (the person's own program; its arguments are a host or a profile's name)
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
        answer = json.loads(done.stdout)
        value, ends = answer["access_token"], _seconds(answer["expiry"])
    except (KeyError, TypeError, ValueError):
        value, ends = None, 0.0
    if not isinstance(value, str) or not value:
        said = " ".join(arguments)
        raise CredentialError(
            f"`databricks auth token {said}` gives no token{_first_line(done.stderr)}",
            looked_at=looked_at,
            hint=f"databricks auth login {said}",
        )
    return OAuthToken(value, ends)


def _first_line(said: bytes) -> str:
    """What a program says of its failure."""
    line = next(iter(said.decode("utf-8", "replace").strip().splitlines()), "")
    return f": {truncate(escape_unsafe(line.removeprefix('Error: ')), 200)}" if line else ""


def _seconds(written: str) -> float:
    """A time as the CLI writes it (with an offset, and up to nanoseconds) in s since the epoch. Raises ValueError."""
    zone = written[19:].lstrip(".0123456789").replace("Z", "+00:00") or "+00:00"
    return datetime.fromisoformat(written[:19] + zone).timestamp()
