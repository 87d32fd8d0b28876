"""Keep the tokens of a faulty server: what its requests do when they take effect, and the values it has returned."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from tests.resilience.faulty_server import ReceivedRequest


@dataclass
class TokenStore:
    """The tokens of a workspace by id, and the values it minted by the id of their token."""

    infos: dict[str, dict[str, Any]] = field(default_factory=dict)
    minted: dict[str, str] = field(default_factory=dict)

    def __call__(self, seen: ReceivedRequest) -> bytes:
        act = {"list": self._list_tokens, "create": self._create_token, "delete": self._delete_token}.get(
            seen.route, _do_nothing
        )
        return json.dumps(act(json.loads(seen.body or b"{}"))).encode()

    def _list_tokens(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"token_infos": list(self.infos.values())}

    def _create_token(self, body: dict[str, Any]) -> dict[str, Any]:
        value = "dapi" + secrets.token_hex(16)
        now = int(time.time() * 1000)
        info = {
            "token_id": hashlib.sha256(value.encode()).hexdigest(),
            "creation_time": now,
            "expiry_time": now + body["lifetime_seconds"] * 1000 if "lifetime_seconds" in body else -1,
            "comment": body.get("comment", ""),
        }
        self.infos[info["token_id"]] = info
        self.minted[info["token_id"]] = value
        return {"token_value": value, "token_info": info}

    def _delete_token(self, body: dict[str, Any]) -> dict[str, Any]:
        self.infos.pop(body["token_id"], None)
        return {}


def _do_nothing(_: dict[str, Any]) -> dict[str, Any]:
    return {}
