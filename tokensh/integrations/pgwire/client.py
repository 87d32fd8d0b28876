"""One client: its login, its statements and portals, and what it is answered."""

from __future__ import annotations

import asyncio
import hmac
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pygwire import TransactionStatus, messages
from pygwire.messages import FieldDescription

from tokensh._dataclasses import dataclass, replace
from tokensh.errors import Error, NotSupportedError, ProgrammingError, describe_mistake
from tokensh.integrations.pgwire import wire
from tokensh.integrations.pgwire.copying import Copy, format_header, format_rows, parse_copy
from tokensh.integrations.pgwire.login import Gatekeeper, log_in
from tokensh.integrations.pgwire.statements import ROWS_PER_BLOCK, Prepared, ReadOnly, Result, Runner, prepare
from tokensh.integrations.pgwire.utilities import Settings, strip_statement
from tokensh.integrations.pgwire.values import SIZES, TEXT, decode, encode
from tokensh.redact import Redactor
from tokensh.sql.script import split_script

if TYPE_CHECKING:
    from tokensh.dbapi.connection import Connection

T = TypeVar("T")
_ALL_ROWS = 2**31
_MOST_STATEMENTS = 1000
"""Prepared statements, and portals, of one client."""
_CHECK_INTERVAL = 0.2
"""Seconds between looks whether a running statement's client has cancelled it, or has left."""
_STATUSES = {
    "I": TransactionStatus.IDLE,
    "T": TransactionStatus.IN_TRANSACTION,
    "E": TransactionStatus.ERROR_TRANSACTION,
}


class House(Gatekeeper, Protocol):
    """What clients need of their server."""

    writes: bool

    def audit(self, **facts: object) -> None:
        """Note what a client does."""

    def connect(self) -> Connection:
        """Open a session of a client's own."""


@dataclass(slots=True)
class Portal:
    """A statement with values: `result` once it runs, `formats` of its columns (1: binary)."""

    prepared: Prepared
    values: Sequence[Any]
    formats: Sequence[int]
    result: Result | None = None


class Client:
    """A connection of the protocol.

    Args:
        reader: what the client sends.
        writer: what it gets.
        house: the server.
        process_id: its number, by which it can be cancelled.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, house: House, process_id: int
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._house = house
        self.process_id = process_id
        self.key = secrets.token_bytes(4)  # of protocol 3.0, until the login says what the client speaks
        self._status = "I"
        self._prepared: dict[str, Prepared] = {}
        self._portals: dict[str, Portal] = {}
        self._notices: list[str] = []
        self._thread: ThreadPoolExecutor | None = None
        self._busy = False
        self._cancelled = False
        self.connection: Connection | None = None

    # ---- the connection

    async def serve(self, login_timeout: float) -> None:
        """Serve until the client leaves. Raises asyncio.IncompleteReadError, ConnectionError, TimeoutError."""
        try:
            login = await asyncio.wait_for(log_in(self._reader, self._writer, self._house), login_timeout)
            if login is None or not await self._open_session(login.settings):
                return
            self.key = secrets.token_bytes(login.key_size)
            await self._start(login.settings)
            await self._answer_all()
        except wire.ProtocolViolation as violation:
            await self._send(wire.make_error("08P01", str(violation), fatal=True))
        except asyncio.CancelledError:  # the server ends, and with it the task, which need not be told
            farewell = wire.make_error("57P01", "terminating connection due to administrator command", fatal=True)
            self._writer.write(farewell.to_wire())
        finally:
            await self._close()

    async def _open_session(self, settings: Settings) -> bool:
        self._thread = ThreadPoolExecutor(1, f"client-{self.process_id}")
        try:
            self.connection = await self._call(self._house.connect)
        except Error as error:
            fields = wire.error_fields(error, Redactor(), state="08004", severity="FATAL")
            await self._send(messages.ErrorResponse(fields=dict(fields)))
            return False
        # The destination of new values, and what else the server has set, stay.
        self.connection.callbacks = replace(
            self.connection.callbacks,
            note=self._notices.append,
            on_failure=lambda error: self._notices.append(error.message),
        )
        self._runner = Runner(self.connection, settings, writes=self._house.writes)
        return True

    async def _start(self, settings: Settings) -> None:
        reports = [messages.ParameterStatus(name=name, value=settings.get(name)) for name in Settings.REPORTED]
        key = messages.BackendKeyData(process_id=self.process_id, secret_key=self.key)
        await self._send(*reports, key, self._ready())

    async def _close(self) -> None:
        if self._thread is not None:
            if self.connection is not None:
                self.connection.cancellation.press()
                self._thread.submit(self._runner.abandon_values)
                self._thread.submit(self.connection.close)
            self._thread.shutdown(wait=False)
        self._writer.close()

    def cancel(self, key: bytes) -> None:
        """Stop the statement that is being answered, if the key is this client's."""
        if hmac.compare_digest(key, self.key) and self._busy and self.connection is not None:
            self._cancelled = True
            self.connection.cancellation.press()

    # ---- messages

    async def _answer_all(self) -> None:
        skips = False  # after an error, everything up to Sync
        while True:
            self._busy = False
            kind, payload = await wire.read_frame(self._reader)
            message = wire.decode(kind, payload)
            self._busy, self._cancelled = True, False
            match message:
                case messages.Terminate():
                    return
                case messages.Sync():
                    skips = False
                    await self._end_exchange()
                case messages.Query():
                    skips = False
                    await self._run_script(message.query_string)
                    await self._end_exchange()
                case _:
                    skips = skips or not await self._attempt(self._answer, message)

    async def _end_exchange(self) -> None:
        if self._status == "I":  # portals end with their transaction, and with them what was not read
            self._portals.clear()
            if count := await self._call(self._runner.abandon_values):
                self._notices.append(f"values of new tokens that were not read: {count}; see tokensh.local.pending")
                await self._send(*self._take_notices())
        await self._send(self._ready())

    async def _attempt(self, function: Callable[..., Any], *arguments: Any, offset: int = 0) -> bool:
        """Call a coroutine function; send the error that it raises, and return whether there was none."""
        try:
            await function(*arguments)
        except Error as error:
            await self._send_error(error, offset)
        except (ConnectionError, asyncio.IncompleteReadError, wire.ProtocolViolation):
            raise
        except Exception as mistake:  # noqa: BLE001 (a mistake of ours must not end the connection)
            await self._send_error(describe_mistake(mistake), offset)
        else:
            return True
        return False

    async def _send_error(self, error: Error, offset: int) -> None:
        state = "25006" if isinstance(error, ReadOnly) else ""
        if self._status == "E":
            state = "25P02"
        elif self._status == "T":
            self._status = "E"
        redactor = self.connection.redactor if self.connection else Redactor()
        fields = wire.error_fields(error, redactor, offset, state=state)
        await self._send(*self._take_notices(), messages.ErrorResponse(fields=dict(fields)))

    async def _answer(self, message: Any) -> None:
        match message:
            case messages.Parse():
                _check_room(self._prepared, message.statement)
                self._prepared[message.statement] = prepare(message.query, message.param_types)
                await self._send(messages.ParseComplete())
            case messages.Bind():
                self._bind(message)
                await self._send(messages.BindComplete())
            case messages.Describe():
                await self._describe(message.kind, message.name)
            case messages.Execute():
                await self._execute(message.portal, message.max_rows)
            case messages.Close():
                (self._prepared if message.kind == "S" else self._portals).pop(message.name, None)
                await self._send(messages.CloseComplete())
            case _:
                await self._writer.drain()

    def _bind(self, message: Any) -> None:
        prepared = self._find(self._prepared, message.statement, "prepared statement")
        _check_room(self._portals, message.portal)
        formats = _spread(message.param_formats, len(message.param_values))
        types = [*prepared.types, *[0] * (len(message.param_values) - len(prepared.types))]
        values = [
            decode(raw, types[index] or TEXT, binary=bool(formats[index]))
            for index, raw in enumerate(message.param_values)
        ]
        self._portals[message.portal] = Portal(prepared, values, message.result_formats)

    @staticmethod
    def _find(known: dict[str, T], name: str, kind: str) -> T:
        if name not in known:
            raise ProgrammingError(f'{kind} "{name}" does not exist')
        return known[name]

    async def _describe(self, kind: str, name: str) -> None:
        if kind == "P":
            portal = self._find(self._portals, name, "portal")
            result = await self._open(portal)
            await self._send(_describe_rows(result.columns, _spread(portal.formats, len(result.columns))))
            return
        prepared = self._find(self._prepared, name, "prepared statement")
        await self._finish_others()
        types, columns = await self._call(lambda: self._runner.describe(prepared))
        described = tuple(number for _, number in columns)
        self._prepared[name] = prepared = replace(prepared, types=types, described=described)
        oids = [number or TEXT for number in prepared.types]
        await self._send(messages.ParameterDescription(type_oids=oids), _describe_rows(columns, ()))

    async def _execute(self, name: str, limit: int) -> None:
        portal = self._find(self._portals, name, "portal")
        if not strip_statement(portal.prepared.original):
            await self._send(messages.EmptyQueryResponse())
            return
        result = await self._open(portal)
        await self._send_rows(result, portal.formats, limit or _ALL_ROWS)

    # ---- statements

    async def _open(self, portal: Portal) -> Result:
        """Return the result of a portal, which runs now if it has not before. Raises Error."""
        if portal.result is None:
            if not strip_statement(portal.prepared.original):
                portal.result = Result((), lambda _size: (), lambda _count: "")
                return portal.result
            await self._finish_others()
            portal.result = await self._start_statement(portal.prepared, portal.values, portal.prepared.described)
        return portal.result

    async def _start_statement(
        self, prepared: Prepared, values: Sequence[Any] = (), types: Sequence[int] = ()
    ) -> Result:
        """Run a statement until it has rows, and note it. Raises Error."""
        assert self.connection is not None  # noqa: S101 (the login has opened it)
        started, outcome = time.monotonic(), "failed"
        try:
            result = await self._call(lambda: self._runner.open(prepared, values, self._status, types))
            outcome = "done"
        finally:
            # Without the values of its parameters, which PostgreSQL does not log either unless it is told to.
            text = self.connection.redactor.clean(prepared.original)
            milliseconds = round((time.monotonic() - started) * 1000)
            self._house.audit(pgwire="statement", client=self.process_id, outcome=outcome, ms=milliseconds, sql=text)
        return result

    async def _finish_others(self) -> None:
        """Read the rest of results that wait: the next statement takes the tables that they are read from."""
        for portal in self._portals.values():
            if portal.result is not None and portal.result.columns:
                rows = iter(await self._call(lambda result=portal.result: result.read(_ALL_ROWS)))  # type: ignore[misc]
                portal.result.read = _read_from(rows)

    async def _run_script(self, text: str) -> None:
        if not strip_statement(text):
            await self._send(messages.EmptyQueryResponse())
            return
        offset = 0
        for statement in self._split(text):
            offset = max(text.find(statement, offset), 0)
            if not await self._attempt(self._run_statement, statement, offset=offset):
                return
            offset += len(statement)

    def _split(self, text: str) -> Iterator[str]:
        # Most clients send one statement, and queries of the catalog are not in tokensh's language.
        if ";" not in strip_statement(text):
            yield text
            return
        assert self.connection is not None  # noqa: S101 (the login has opened it)
        for piece in split_script([text], self.connection.parser.table):
            if strip_statement(piece.text):
                yield piece.text

    async def _run_statement(self, text: str) -> None:
        copy = parse_copy(strip_statement(text))
        prepared = prepare(copy.query if copy else text)
        if prepared.types:
            raise NotSupportedError("a simple query has no parameters")
        await self._finish_others()
        result = await self._start_statement(prepared)
        if copy is not None:
            await self._copy(copy, result)
            return
        if result.columns:
            await self._send(_describe_rows(result.columns, ()))
        await self._send_rows(result, (), _ALL_ROWS)

    async def _copy(self, copy: Copy, result: Result) -> None:
        await self._send(messages.CopyOutResponse(overall_format=0, col_formats=[0] * len(result.columns)))
        lines, count = format_header(copy, result.columns), 0
        while True:
            await self._send(*(messages.CopyData(data=line) for line in lines))
            rows = await self._call(lambda: result.read(ROWS_PER_BLOCK))
            if not rows:
                break
            count += len(rows)
            lines = format_rows(copy, result.columns, rows)
        await self._send(messages.CopyDone(), messages.CommandComplete(tag=f"COPY {count}"))
        await self._settle(result, count)

    async def _send_rows(self, result: Result, formats: Sequence[int], limit: int) -> None:
        """Send the next rows of a result, block by block: the next is made when the client has taken the one before."""
        types = [number for _, number in result.columns]
        spread = _spread(formats, len(types))

        def make_block(size: int) -> tuple[bytes, int]:
            rows = result.read(size)
            return b"".join(_encode_row(row, types, spread) for row in rows), len(rows)

        sent = 0
        while result.columns and sent < limit:
            size = min(ROWS_PER_BLOCK, limit - sent)
            block, count = await self._call(lambda size=size: make_block(size))  # type: ignore[misc]
            sent += count
            self._writer.write(block)
            await self._writer.drain()
            if count < size:
                break
        await self._settle(result, sent)
        if sent == limit and result.columns:
            await self._send(messages.PortalSuspended())
            return
        if result.transaction is not None:
            self._status = result.transaction
        if result.notice:
            self._notices.append(result.notice)
        tag = result.tag(result.count if result.transaction is None and not result.wrote else sent)
        await self._send(*self._take_notices(), messages.CommandComplete(tag=tag))

    async def _settle(self, result: Result, count: int) -> None:
        """Note that rows are with the client. Raises ConnectionResetError if it has left: it may not have read them."""
        if wire.has_ended(self._writer):
            raise ConnectionResetError
        await self._call(lambda: result.settle(count))

    # ---- the session's thread

    async def _call(self, function: Callable[[], T]) -> T:
        """Run a function on the session's thread. Raises Error, ConnectionError."""
        assert self._thread is not None  # noqa: S101 (the login has started it)
        future = asyncio.wrap_future(self._thread.submit(function))
        while not future.done():
            await asyncio.wait({future}, timeout=_CHECK_INTERVAL)
            # A press is forgotten when the statement starts, so it is repeated.
            stops = self._cancelled or wire.has_ended(self._writer)
            if stops and not future.done() and self.connection is not None:
                self.connection.cancellation.press()
        return future.result()

    # ---- replies

    async def _send(self, *replies: Any) -> None:
        await wire.send(self._writer, *replies)

    def _ready(self) -> Any:
        return messages.ReadyForQuery(status=_STATUSES[self._status])

    def _take_notices(self) -> list[Any]:
        assert self.connection is not None  # noqa: S101 (the login has opened it)
        texts, self._notices[:] = list(self._notices), []
        return [
            messages.NoticeResponse(
                fields={"S": "NOTICE", "V": "NOTICE", "C": "00000", "M": self.connection.redactor.clean(text)}
            )
            for text in texts
        ]


def _check_room(known: dict[str, Any], name: str) -> None:
    if name not in known and len(known) >= _MOST_STATEMENTS:
        raise ProgrammingError(f"a client can have {_MOST_STATEMENTS} of them", hint="close some")


def _read_from(rows: Iterator[Any]) -> Callable[[int], Sequence[Any]]:
    from itertools import islice  # noqa: PLC0415 (only for results that are set aside)

    return lambda size: list(islice(rows, size))


def _spread(formats: Sequence[int], count: int) -> Sequence[int]:
    """Return a format for each of `count` columns: none means text, one is that of all. Raises ProgrammingError."""
    if len(formats) <= 1:
        return [*formats, 0][:1] * count
    if len(formats) != count:
        raise ProgrammingError(f"{len(formats)} formats for {count} values or columns")
    return formats


def _describe_rows(columns: Sequence[tuple[str, int]], formats: Sequence[int]) -> Any:
    if not columns:
        return messages.NoData()
    return messages.RowDescription(
        fields=[
            FieldDescription(
                name=name.replace("\0", ""),
                type_oid=number,
                type_size=SIZES.get(number, -1),
                type_modifier=-1,
                format_code=formats[index] if formats else 0,
            )
            for index, (name, number) in enumerate(columns)
        ]
    )


def _encode_row(row: Sequence[Any], types: Sequence[int], formats: Sequence[int]) -> bytes:
    cells = [encode(cell, number, binary=bool(form)) for cell, number, form in zip(row, types, formats, strict=True)]
    wired: bytes = messages.DataRow(columns=cells).to_wire()
    return wired
