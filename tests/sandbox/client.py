"""A plain client of the sandbox, with the standard library's http.client."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from typing import Any

from tokensh.sandbox import Sandbox

WORKSPACE = "dbc-abcd0123-a1bc"


class Client:
    """One keep-alive connection, as the admin, to the first workspace."""

    def __init__(self, sandbox: Sandbox, timeout: float = 10) -> None:
        self.connection = HTTPConnection("127.0.0.1", sandbox.port, timeout=timeout)
        self.token = sandbox.token
        self.headers: dict[str, str] = {}

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def send(self, method: str, path: str, body: object = None) -> tuple[int, bytes]:
        """Send a request to a path from the origin; returns status and body."""
        raw = None if body is None else json.dumps(body)
        self.connection.request(method, path, raw, {"Authorization": f"Bearer {self.token}"})
        response = self.connection.getresponse()
        self.headers = dict(response.getheaders())
        return response.status, response.read()

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Return the JSON value of a call of the token API that must succeed."""
        status, raw = self.send(method, f"/w/{WORKSPACE}/api/2.0/token/{path}", body)
        assert status == 200, raw
        return json.loads(raw)

    def count(self) -> int:
        return len(self.call("GET", "list")["token_infos"])
