"""The server's part of SCRAM-SHA-256 (RFC 5802, RFC 7677), without channel binding."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets

ITERATIONS = 100_000
MECHANISM = "SCRAM-SHA-256"


class ScramFailed(Exception):
    """The client sent something that is not SCRAM, or a wrong proof."""


def _sign(key: bytes, message: str | bytes) -> bytes:
    return hmac.digest(key, message.encode() if isinstance(message, str) else message, "sha256")


class Verifier:
    """What a server keeps of a password: enough to check a proof, not enough to make one."""

    def __init__(self, password: str) -> None:
        self.salt = secrets.token_bytes(16)
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), self.salt, ITERATIONS)
        self.stored_key = hashlib.sha256(_sign(salted, "Client Key")).digest()
        self.server_key = _sign(salted, "Server Key")


class Exchange:
    """One login: `start` answers the client's first message, `finish` its second one."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier

    def start(self, mechanism: str, message: bytes) -> bytes:
        """Return the server's first message. Raises ScramFailed."""
        if mechanism != MECHANISM:
            raise ScramFailed("another mechanism")
        text = _decode(message)
        # `y` is a client that could bind to a channel, but was not offered to.
        binding, separator, bare = text.partition(",,")
        if not separator or binding not in ("n", "y"):
            raise ScramFailed("channel binding and other users are not supported")
        fields = _read_fields(bare)
        self._binding = base64.b64encode(f"{binding},,".encode()).decode()
        self._nonce = fields.get("r", "") + secrets.token_urlsafe(18)
        if len(self._nonce) <= 24 or "m" in fields:
            raise ScramFailed("no nonce")
        self._first = f"r={self._nonce},s={base64.b64encode(self._verifier.salt).decode()},i={ITERATIONS}"
        self._bare = bare
        return self._first.encode()

    def finish(self, message: bytes) -> bytes:
        """Return the server's last message. Raises ScramFailed if the client does not know the password."""
        text = _decode(message)
        without_proof, _, proof_text = text.rpartition(",p=")
        fields = _read_fields(without_proof)
        try:
            proof = base64.b64decode(proof_text, validate=True)
        except (binascii.Error, ValueError):
            raise ScramFailed("no proof") from None
        if fields.get("r") != self._nonce or fields.get("c") != self._binding or len(proof) != 32:
            raise ScramFailed("the answer is to another question")
        signed = f"{self._bare},{self._first},{without_proof}"
        key = bytes(a ^ b for a, b in zip(proof, _sign(self._verifier.stored_key, signed), strict=True))
        if not hmac.compare_digest(hashlib.sha256(key).digest(), self._verifier.stored_key):
            raise ScramFailed("wrong password")
        return b"v=" + base64.b64encode(_sign(self._verifier.server_key, signed))


def _decode(message: bytes) -> str:
    try:
        return message.decode()
    except UnicodeDecodeError:
        raise ScramFailed("not UTF-8") from None


def _read_fields(text: str) -> dict[str, str]:
    return {part[:1]: part[2:] for part in text.split(",") if part[1:2] == "="}
