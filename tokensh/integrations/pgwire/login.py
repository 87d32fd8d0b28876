"""How a client comes in: TLS if it asks for it, the version of the protocol, and SCRAM-SHA-256."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any, Protocol

from pygwire import messages

from tokensh._dataclasses import dataclass
from tokensh.integrations.pgwire import wire
from tokensh.integrations.pgwire.scram import MECHANISM, Exchange, ScramFailed, Verifier
from tokensh.integrations.pgwire.utilities import Settings

_NEWEST_MINOR = 2
_LONG_KEYS_SINCE = 2
"""From protocol 3.2 on, the key that cancels a statement may be longer than 4 bytes."""


class Gatekeeper(Protocol):
    """What a login needs of the server."""

    verifier: Verifier
    tls: ssl.SSLContext | None

    async def refuse_password(self, user: str) -> None:
        """Note a failed login, and return after a while."""

    def cancel(self, process_id: int, key: bytes) -> None:
        """Cancel the statement of the client with a key."""


@dataclass(frozen=True, slots=True)
class Login:
    """A client that knows the password: its settings, and the bytes of the key by which its statements are cancelled."""

    settings: Settings
    key_size: int


async def log_in(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, keeper: Gatekeeper) -> Login | None:
    """Return the login of a client that knows the password; None for one that only cancels, or does not.

    Raises ProtocolViolation, ConnectionError, asyncio.IncompleteReadError.
    """
    code, payload = await _read_startup(reader, writer, keeper.tls)
    if code == wire.CANCEL_CODE:
        request = wire.decode_as(messages.CancelRequest, payload)
        keeper.cancel(request.process_id, bytes(request.secret_key))
        return None
    major, asked_minor = code >> 16, code & 0xFFFF
    if major != 3:
        raise wire.ProtocolViolation(f"unsupported frontend protocol {major}.{asked_minor}")
    parameters = wire.read_parameters(payload)
    minor = min(asked_minor, _NEWEST_MINOR)
    unknown = [name for name in parameters if name.startswith("_pq_.")]
    if asked_minor > minor or unknown:
        await wire.send(writer, messages.NegotiateProtocolVersion(newest_minor=3 << 16 | minor, unrecognized=unknown))
    user = parameters.get("user")
    if not user:
        raise wire.ProtocolViolation("the startup packet names no user")
    if not await _authenticate(reader, writer, keeper, user):
        return None
    return Login(Settings(parameters), 32 if minor >= _LONG_KEYS_SINCE else 4)


async def _read_startup(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, tls: ssl.SSLContext | None
) -> tuple[int, bytes]:
    """Return the first message that does not ask for encryption, which may be asked for once in each way."""
    refused = {wire.SSL_CODE, wire.GSS_CODE}
    while True:
        code, payload = await wire.read_first(reader)
        if code not in refused:
            return code, payload
        refused.remove(code)
        if code == wire.SSL_CODE and tls is not None:
            await _start_tls(reader, writer, tls)
            refused.clear()
        else:
            writer.write(b"N")
            await writer.drain()


async def _start_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, tls: ssl.SSLContext) -> None:
    # What came before the handshake could be another program's, and would be taken for encrypted (CVE-2021-23214).
    early = asyncio.ensure_future(reader.read(1))
    await asyncio.sleep(0)
    if early.done():
        raise wire.ProtocolViolation("received unencrypted data after the request for TLS")
    early.cancel()
    writer.write(b"S")
    try:
        await writer.start_tls(tls)  # type: ignore[attr-defined]  # of Python 3.11, which pygwire needs too
    except ssl.SSLError as failure:
        raise ConnectionAbortedError(str(failure)) from None
    wire.limit_buffer(writer)


async def _authenticate(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, keeper: Gatekeeper, user: str
) -> bool:
    exchange = Exchange(keeper.verifier)
    try:
        await wire.send(writer, messages.AuthenticationSASL(mechanisms=[MECHANISM]))
        first = wire.decode_as(messages.SASLInitialResponse, await _read_password(reader))
        challenge = exchange.start(first.mechanism, first.data)
        await wire.send(writer, messages.AuthenticationSASLContinue(data=challenge))
        proof = exchange.finish(await _read_password(reader))
    except ScramFailed:
        await keeper.refuse_password(user)
        await wire.send(
            writer, wire.make_error("28P01", f'password authentication failed for user "{user}"', fatal=True)
        )
        return False
    await wire.send(writer, messages.AuthenticationSASLFinal(data=proof), messages.AuthenticationOk())
    return True


async def _read_password(reader: asyncio.StreamReader) -> Any:
    kind, payload = await wire.read_frame(reader, wire.LARGEST_FIRST_MESSAGE)
    if kind != b"p":
        raise wire.ProtocolViolation("expected a password message")
    return payload
