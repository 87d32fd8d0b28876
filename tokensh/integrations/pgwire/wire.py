"""Frames of the protocol: read with limits, and errors as its fields. The messages themselves are pygwire's."""

from __future__ import annotations

import asyncio
import select
import struct
from collections.abc import Mapping
from typing import Any

from pygwire import messages
from pygwire.exceptions import PygwireError

from tokensh import errors
from tokensh.redact import Redactor
from tokensh.text import make_inert

LARGEST_MESSAGE = 16 * 2**20
"""Bytes of one message after the login; before it, `LARGEST_FIRST_MESSAGE`."""
LARGEST_FIRST_MESSAGE = 10_000
BUFFER = 2**18
"""Bytes that wait for a client before the next rows are made."""

CANCEL_CODE, SSL_CODE, GSS_CODE = 80877102, 80877103, 80877104
_LENGTH = struct.Struct("!I")
_KINDS = {
    b"Q": messages.Query,
    b"P": messages.Parse,
    b"B": messages.Bind,
    b"D": messages.Describe,
    b"E": messages.Execute,
    b"C": messages.Close,
    b"S": messages.Sync,
    b"H": messages.Flush,
    b"X": messages.Terminate,
}


class ProtocolViolation(Exception):
    """A client does not speak the protocol: it is told so, and the connection ends."""


async def read_first(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Return the code and the payload, which begins with it, of a message before the login. Raises ProtocolViolation."""
    (length,) = _LENGTH.unpack(await reader.readexactly(4))
    if not 8 <= length <= LARGEST_FIRST_MESSAGE:
        raise ProtocolViolation(f"invalid length of startup packet: {length}")
    payload = await reader.readexactly(length - 4)
    return _LENGTH.unpack_from(payload)[0], payload


async def read_frame(reader: asyncio.StreamReader, largest: int = LARGEST_MESSAGE) -> tuple[bytes, bytes]:
    """Return the kind and the payload of the next message. Raises ProtocolViolation, asyncio.IncompleteReadError."""
    kind = await reader.readexactly(1)
    (length,) = _LENGTH.unpack(await reader.readexactly(4))
    if not 4 <= length <= largest:
        raise ProtocolViolation(f"invalid message length: {length}")
    return kind, await reader.readexactly(length - 4)


def decode(kind: bytes, payload: bytes) -> Any:
    """Return the message of a frame. Raises ProtocolViolation."""
    message = _KINDS.get(kind)
    if message is None:
        raise ProtocolViolation(f"invalid frontend message type {kind[0]}")
    return decode_as(message, payload)


def decode_as(message: Any, payload: bytes) -> Any:
    """Return a payload as a message of a class of pygwire's. Raises ProtocolViolation."""
    try:
        return message.decode(memoryview(payload))
    except (struct.error, PygwireError, ValueError, IndexError) as mistake:
        raise ProtocolViolation(f"invalid {message.__name__} message: {mistake}") from None


def read_parameters(payload: bytes) -> dict[str, str]:
    """Return the parameters of a startup message. Raises ProtocolViolation."""
    try:
        words = payload[4:].decode().split("\0")
    except UnicodeDecodeError:
        raise ProtocolViolation("the startup packet is not UTF-8") from None
    pairs = iter(words[: words.index("")] if "" in words else [])
    return dict(zip(pairs, pairs, strict=False))


async def send(writer: asyncio.StreamWriter, *replies: Any) -> None:
    """Send messages, and wait while too many bytes wait for the client. Raises ConnectionError."""
    writer.write(b"".join(reply.to_wire() for reply in replies))
    await writer.drain()


def has_ended(writer: asyncio.StreamWriter) -> bool:
    """Return whether the client has closed the connection, also if messages of it still wait to be read."""
    descriptor = writer.get_extra_info("socket").fileno()
    if descriptor < 0:
        return True
    poll = select.poll()
    poll.register(descriptor, getattr(select, "POLLRDHUP", 0))  # POLLHUP and POLLERR are always told
    return bool(poll.poll(0))


def limit_buffer(writer: asyncio.StreamWriter) -> None:
    """Let `drain` wait when `BUFFER` bytes wait for the client."""
    writer.transport.set_write_buffer_limits(high=BUFFER)


# The classes of SQLSTATE are those of PostgreSQL's manual, appendix A.
_STATES: tuple[tuple[type[errors.Error], str], ...] = (
    (errors.SqlSyntaxError, "42601"),
    (errors.PlaceholderError, "42601"),
    (errors.HostError, "08001"),
    (errors.CredentialError, "28000"),
    (errors.ConnectionClosed, "08003"),
    (errors.InterfaceError, "F0000"),
    (errors.NotSupportedError, "0A000"),
    (errors.IntegrityError, "23000"),
    (errors.DataError, "22000"),
    (errors.ProgrammingError, "42000"),
    (errors.NetworkError, "08006"),
    (errors.UnknownOutcome, "08007"),
    (errors.Interrupted, "57014"),
    (errors.OperationalError, "58000"),
    (errors.InternalError, "XX000"),
)


def find_state(error: errors.Error) -> str:
    """Return the SQLSTATE of an error."""
    match error:
        case errors.UnknownName():
            return {"column": "42703", "function": "42883"}.get(error.kind, "42P01")
        case errors.ApiError() if error.status in (401, 403):
            return "42501"
        case _:
            return next((state for kind, state in _STATES if isinstance(error, kind)), "XX000")


def error_fields(
    error: errors.Error, redactor: Redactor, offset: int = 0, *, state: str = "", severity: str = "ERROR"
) -> Mapping[str, str]:
    """Return the fields of an ErrorResponse; `offset` is where the statement begins in what the client sent."""
    fields = {
        "S": severity,
        "V": severity,
        "C": state or find_state(error),
        "M": make_inert(redactor.clean(error.message)),
    }
    if error.hint:
        fields["H"] = make_inert(redactor.clean(error.hint))
    if error.span is not None:
        fields["P"] = str(offset + error.span.start + 1)
    return fields


def make_error(state: str, message: str, *, fatal: bool = False) -> Any:
    """Return an ErrorResponse of ours."""
    severity = "FATAL" if fatal else "ERROR"
    return messages.ErrorResponse(fields={"S": severity, "V": severity, "C": state, "M": make_inert(message)})
