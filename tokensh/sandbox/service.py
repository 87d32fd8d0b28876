"""The sandbox as its users hold it: where it listens, its credentials, its log, its faults."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from types import TracebackType
from typing import Any

from tokensh.sandbox import seed
from tokensh.sandbox.faults import Fault, Faults, HangUp, parse_fault
from tokensh.sandbox.http import JsonObject, RefusedError, Reply, Request, json_reply, malformed, no_endpoint
from tokensh.sandbox.routes import handle
from tokensh.sandbox.state import EMPTY_LISTS, Clock, Settings

LOG_LIMIT = 50_000
"""Requests the log keeps, the latest."""
_CONTROL_PATH = "/__sandbox/"


@dataclass(slots=True)
class LogEntry:
    """One request as it was seen; `status` is None until it is answered, and stays so if it never is.

    Attributes:
        target: path and query as sent.
        path: the path below `/w/{workspace}`.
        workspace: empty at the account's own host.
        bearer: whether an `Authorization: Bearer` header came.
        peer: the client's port: the same for requests on one connection.
        started: seconds of the monotonic clock, as `ended`.
        headers: lower-case names; in no repr, and not served over HTTP. So with `body`.
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
        """The Authorization header; empty if none came."""
        return self.headers.get("authorization", "")

    def to_json(self) -> dict[str, object]:
        """What `GET /__sandbox/log` tells: no header, no body, so no secret."""
        names = ("method", "target", "path", "workspace", "bearer", "peer", "started", "status", "ended")
        return {name: getattr(self, name) for name in names}


class Sandbox:
    """A running emulator; `tokensh.sandbox.start` makes one. Leave its `with` block, or call `close`, to stop it.

    Attributes:
        token: credential of an admin, good in every workspace; as `user_token` of a plain user, and `guest_token` of
            somebody who may not use tokens.
        client_id: of a service principal (an admin), with `client_secret`: OAuth client credentials.
        workspaces: names of the seeded workspaces.
        state: what the emulator remembers.
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
        """Who can be rehearsed: the admin, a plain user, somebody who may not use tokens, and the service principal."""
        names = ("token", "user_token", "guest_token", "client_id", "client_secret", "account_id")
        return {name: getattr(self, name) for name in names}

    @property
    def endpoint(self) -> str:
        """The host template for a client: each workspace below a path of its own."""
        return self.origin + "/w/{deployment_name}"

    @property
    def log(self) -> list[LogEntry]:
        """The requests seen, in order of arrival; those to the sandbox's own `/__sandbox/` excepted."""
        return list(self._log)

    def clear_log(self) -> None:
        """Forget the requests seen so far."""
        self._log.clear()

    def fault(self, pattern: str, **rule: Any) -> Fault:
        """Spoil the answers to requests that `pattern` picks; the keywords are the fields of `Fault`, which is returned."""
        fault = Fault(pattern, **rule)
        self._faults.add(fault)
        return fault

    def clear_faults(self) -> None:
        """Drop all fault rules."""
        self._faults.clear()

    def advance(self, seconds: float) -> None:
        """Let time pass: tokens expire, the Date header moves on."""
        self.state.clock.offset += seconds

    def close(self) -> None:
        """Stop: the port is free, open connections are cut, waiting requests are let go."""
        self._stop_server()
        # Only now, or a request that waits would be answered instead of cut.
        self._stopped.set()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def handle(self, request: Request, peer: int) -> Reply | HangUp:
        """Log a request, let a fault or the API answer it."""
        if request.path.startswith(_CONTROL_PATH):
            return self._handle_control(request)
        entry = self._log_request(request, peer)
        self.pause(self.state.settings.latency)
        fault = self._faults.take(request)
        outcome = self._call_api(request) if fault is None else fault.apply(lambda: self._call_api(request), self.pause)
        entry.ended = time.monotonic()
        entry.status = outcome.status if isinstance(outcome, Reply) else None
        return outcome

    def pause(self, seconds: float) -> None:
        """Wait, or return early when the sandbox stops."""
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
        with self._lock:
            return handle(self.state, self.origin, request)

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
        return asdict(self.state.settings) if request.path.endswith("/settings") else {}


_NUMBERS = {
    "latency": (0, 3600),
    "quota": (0, 1_000_000),
    "default_lifetime_days": (-1, 730),
    "oauth_lifetime": (0, 1_000_000),
    "idle_days": (0, 10_000),
}
_SWITCHES = ("show_expired", "eventual", "obo", "any_workspace")


def _change_settings(settings: Settings, changes: JsonObject) -> None:
    """Change settings of a running emulator: all of them or, where one is wrong, none."""
    checked: dict[str, Any] = {}
    for name, value in changes.items():
        if name in _NUMBERS:
            number = _number_between(changes, name, *_NUMBERS[name])
            checked[name] = number if name == "latency" else int(number)
        elif (name in _SWITCHES and isinstance(value, bool)) or (name == "empty_list" and value in EMPTY_LISTS):
            checked[name] = value
        else:
            raise malformed(f"'{name}' is no setting that can be changed so; {', '.join((*_NUMBERS, *_SWITCHES))} can")
    for name, value in checked.items():
        setattr(settings, name, value)


def _number_between(json_fields: JsonObject, name: str, least: float, most: float) -> float:
    value = json_fields.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise malformed(f"'{name}' must be a number from {least} to {most}")
    return value
