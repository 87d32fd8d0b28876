"""The sandbox as its users see it: its address, credentials, log, faults, and the control requests below `/__sandbox/`."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

from tokensh._dataclasses import dataclass, field, fields, replace
from tokensh.sandbox import seed
from tokensh.sandbox.faults import Fault, Faults, HangUp, parse_fault
from tokensh.sandbox.http import JsonObject, RefusedError, Reply, Request, json_reply, malformed, no_endpoint
from tokensh.sandbox.routes import handle
from tokensh.sandbox.state import EMPTY_LISTS, Clock, Settings

LOG_LIMIT = 50_000
"""The number of requests that the log keeps; older ones are dropped."""
_CONTROL_PATH = "/__sandbox/"


@dataclass(slots=True)
class LogEntry:
    """A request in the log; `status` is None until the reply is sent, and for good if the connection is cut.

    Attributes:
        target: the path and query as sent.
        path: the path after `/w/{workspace}`.
        workspace: empty at the account's own host.
        bearer: True if an `Authorization: Bearer` header was sent.
        peer: the client's port, the same for all requests of a connection.
        started: seconds of the monotonic clock, like `ended`.
        headers: by lower-case name. They may hold secrets, so the repr and `GET /__sandbox/log` leave them out, and `body` too.
    """

    method: str
    target: str
    path: str
    workspace: str
    bearer: bool
    peer: int
    started: float
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    status: int | None = None
    ended: float | None = None

    @property
    def authorization(self) -> str:
        """The Authorization header, or an empty text."""
        return self.headers.get("authorization", "")

    def to_json(self) -> dict[str, object]:
        """Return the entry for `GET /__sandbox/log`, without headers and body and so without secrets."""
        names = ("method", "target", "path", "workspace", "bearer", "peer", "started", "status", "ended")
        return {name: getattr(self, name) for name in names}


class Sandbox:
    """A running emulator, from `tokensh.sandbox.start`. Its `with` block, or `close`, stops it.

    Attributes:
        token: an admin's token, valid in every workspace.
        user_token: the same of a plain user.
        guest_token: the same of a user who may not use tokens.
        client_id: OAuth client credentials of a service principal (an admin), with `client_secret`.
        workspaces: the names of the seeded workspaces.
        state: the emulator's workspaces, principals and tokens.
    """

    def __init__(self, port: int, stop_server: Callable[[], None], settings: Settings, clock: Clock) -> None:
        self.token = seed.TOKEN
        self.user_token = seed.USER_TOKEN
        self.guest_token = seed.GUEST_TOKEN
        self.client_id = seed.ROBOT.name
        self.client_secret = seed.CLIENT_SECRET
        self.account_id = seed.ACCOUNT_ID
        self.workspaces = seed.WORKSPACES
        self.state = seed.seeded_state(settings, clock)
        self.port = port
        self.origin = f"http://127.0.0.1:{self.port}"
        self._stop_server = stop_server
        self._faults = Faults()
        self._log: deque[LogEntry] = deque(maxlen=LOG_LIMIT)
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    @property
    def credentials(self) -> dict[str, str]:
        """The credentials of the admin, the plain user, the user who may not use tokens, and the service principal."""
        names = ("token", "user_token", "guest_token", "client_id", "client_secret", "account_id")
        return {name: getattr(self, name) for name in names}

    # A path per workspace instead of a host name each: names below localhost do not resolve everywhere.
    @property
    def endpoint(self) -> str:
        """The host template for a client; each workspace has its own path."""
        return self.origin + "/w/{deployment_name}"

    @property
    def log(self) -> list[LogEntry]:
        """The requests in order of arrival, without those to `/__sandbox/`."""
        return list(self._log)

    def clear_log(self) -> None:
        """Forget the requests seen so far."""
        self._log.clear()

    def fault(self, pattern: str, **rule: Any) -> Fault:
        """Spoil the replies to requests that match `pattern`; returns the new `Fault`, whose fields are the keywords."""
        fault = Fault(pattern, **rule)
        self._faults.add(fault)
        return fault

    def clear_faults(self) -> None:
        """Drop all fault rules."""
        self._faults.clear()

    def advance(self, seconds: float) -> None:
        """Move the clock forward: tokens expire, the Date header changes."""
        self.state.clock.offset += seconds

    def close(self) -> None:
        """Stop the server: free the port, cut open connections, end waiting requests."""
        self._stop_server()
        # Only after the server has stopped, or a waiting request would get a reply instead of being cut.
        self._stopped.set()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def handle(self, request: Request, peer: int) -> Reply | HangUp:
        """Log a request and return the reply of a fault or of the API."""
        if request.path.startswith(_CONTROL_PATH):
            return self._handle_control(request)
        entry = self._log_request(request, peer)
        # The entry is in the log before the wait: tests see that a request has arrived while its reply is held back.
        self.pause(self.state.settings.latency)
        fault = self._faults.take(request)
        outcome = self._call_api(request) if fault is None else fault.apply(lambda: self._call_api(request), self.pause)
        entry.ended = time.monotonic()
        entry.status = outcome.status if isinstance(outcome, Reply) else None
        return outcome

    def pause(self, seconds: float) -> None:
        """Wait, but return early if the sandbox stops."""
        if seconds > 0:
            self._stopped.wait(seconds)

    def _log_request(self, request: Request, peer: int) -> LogEntry:
        entry = LogEntry(
            method=request.method,
            target=request.target,
            path=request.path,
            workspace=request.workspace,
            bearer=request.headers.get("authorization", "").lower().startswith("bearer "),
            peer=peer,
            started=time.monotonic(),
            headers=request.headers,
            body=request.body,
        )
        self._log.append(entry)
        return entry

    def _call_api(self, request: Request) -> Reply:
        # One lock for all workspaces: handlers read and then write, and each takes microseconds. Latency and delays are
        # waited for outside of it, so hundreds of slow requests still overlap.
        with self._lock:
            # HEAD asks for what GET would answer; the server leaves the body out.
            asked = replace(request, method="GET") if request.method == "HEAD" else request
            return handle(self.state, self.origin, asked)

    def _handle_control(self, request: Request) -> Reply:
        try:
            return json_reply(self._run_command(request))
        except RefusedError as refusal:
            return refusal.to_reply(request.request_id)

    def _run_command(self, request: Request) -> dict[str, object]:
        match request.method, request.path.removeprefix(_CONTROL_PATH):
            case "GET", "log":
                return {"requests": [entry.to_json() for entry in self.log]}
            case "POST", "fault":
                self._faults.add(parse_fault(request.parse_json()))
            case "DELETE", "fault":
                self.clear_faults()
            case "DELETE", "log":
                self.clear_log()
            case "POST", "advance":
                self.advance(_number_between(request.parse_json(), "seconds", -1e9, 1e9))
            case "GET", "settings":
                pass
            case "PATCH", "settings":
                _change_settings(self.state.settings, request.parse_json())
            case _:
                raise no_endpoint(request)
        if not request.path.endswith("/settings"):
            return {}
        return {setting.name: getattr(self.state.settings, setting.name) for setting in fields(self.state.settings)}


# Settings that are read on each request. `tokens` and `max_lifetime_days` are not here: a workspace copies them when it is
# first used, so a later change would do nothing. The range of each number is that of the command line's option.
_NUMBERS = {
    "latency": (0, 3600),
    "quota": (0, 1_000_000),
    "default_lifetime_days": (-1, 730),
    "oauth_lifetime": (0, 1_000_000),
    "idle_days": (0, 10_000),
}
_SWITCHES = ("show_expired", "eventual", "obo", "any_workspace")


def _change_settings(settings: Settings, changes: JsonObject) -> None:
    """Change settings of a running emulator, or none of them if one is wrong."""
    checked: dict[str, Any] = {}
    for name, value in changes.items():
        if name in _NUMBERS:
            number = _number_between(changes, name, *_NUMBERS[name])
            checked[name] = number if name == "latency" else int(number)
        elif (name in _SWITCHES and isinstance(value, bool)) or (name == "empty_list" and value in EMPTY_LISTS):
            checked[name] = value
        else:
            known = ", ".join((*_NUMBERS, *_SWITCHES, "empty_list"))
            raise malformed(f"invalid setting '{name}': {value!r}; settings that can be changed: {known}")
    for name, value in checked.items():
        setattr(settings, name, value)


def _number_between(json_fields: JsonObject, name: str, least: float, most: float) -> float:
    value = json_fields.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise malformed(f"'{name}' must be a number from {least} to {most}")
    return value
