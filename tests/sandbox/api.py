"""Call the emulated API without HTTP: a state at a fixed time, and calls of the route handlers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tokensh.sandbox import seed
from tokensh.sandbox.http import Reply, Request
from tokensh.sandbox.routes import handle
from tokensh.sandbox.state import Clock, Settings, State

NOW = 1_700_000_000.0
DAY = 86_400
WORKSPACE = "dbc-abcd0123-a1bc"
ORIGIN = "http://127.0.0.1:1"


def new_state(**settings: Any) -> State:
    return seed.seeded_state(Settings(**settings), Clock(source=lambda: NOW))


@dataclass
class Api:
    """Calls as one bearer in one workspace; the values are decoded JSON."""

    state: State = field(default_factory=new_state)
    token: str | None = seed.TOKEN
    workspace: str = WORKSPACE

    def reply(self, method: str, path: str, body: object = None, *, headers: dict[str, str] | None = None) -> Reply:
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        credential = {"authorization": f"Bearer {self.token}"} if self.token is not None else {}
        target = f"/w/{self.workspace}{path}" if self.workspace else path
        return handle(self.state, ORIGIN, Request.parse(method, target, credential | (headers or {}), raw, "request-1"))

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Return the JSON value of a call that must succeed."""
        reply = self.reply(method, path, body)
        assert reply.status == 200, reply.body
        return json.loads(reply.body)

    def refusal(self, method: str, path: str, body: object = None) -> tuple[int, object, str]:
        """Return status, error_code and message of a call that must fail."""
        reply = self.reply(method, path, body)
        value = json.loads(reply.body)
        return reply.status, value["error_code"], value["message"]

    def create(self, **fields: object) -> Any:
        return self.call("POST", "/api/2.0/token/create", fields)

    def own(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.call("GET", "/api/2.0/token/list").get("token_infos", [])
        return rows

    def everyone(self, query: str = "") -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.call("GET", f"/api/2.0/token-management/tokens{query}").get("token_infos", [])
        return rows

    def as_bearer(self, token: str | None) -> Api:
        return Api(self.state, token, self.workspace)

    def at(self, workspace: str) -> Api:
        return Api(self.state, self.token, workspace)
