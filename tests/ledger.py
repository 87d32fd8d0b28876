"""The ledger of all tests: what the tests' servers did for tokensh, and what became of it.

Two promises hold in every test, whatever else it checks:

- **A minted token is delivered, reachable or pending** (P2): its value has passed a door to the user, or the token was named
  in an error, revoked, or listed by a journal on the disk.
- **Nothing is written after an incomplete read** (P6): no statement sends a write if the last answer to one of its listings
  was not whole.

The servers of this process tell the ledger of effects and answers, which tokensh cannot influence. The doors are the streams
of a connection, the output of processes and terminals, the rows of cursors, what `Connection` returns to a test, and a
notebook's `tokensh_values`; what only tokensh itself has seen does not count.
"""

from __future__ import annotations

import functools
import json
import subprocess
import sys
import weakref
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType
from typing import Any

import tokensh
from tokensh._dataclasses import replace
from tokensh.dbapi.connection import Connection
from tokensh.dbapi.cursor import Cursor
from tokensh.errors import UnknownOutcome
from tokensh.rows import RowSet
from tokensh.sandbox.http import Reply
from tokensh.sandbox.http import Request as SandboxRequest
from tokensh.sandbox.service import Sandbox

_LISTINGS = ("/token/list", "/token-management/tokens")
_TAIL = 200
"""Characters that are kept of a stream, for a value that arrives in two pieces."""
_OK = 200


@dataclass
class Mint:
    """A token that a server created for tokensh; `where` it was last seen, if that settles it."""

    token_id: str
    value: str
    workspace: str
    where: str = ""


@dataclass
class Statement:
    """The listings of a running statement, by server and path, and whether their last answer was whole."""

    reads: dict[tuple[int, str], bool] = field(default_factory=dict)


class Ledger:
    """What happened in one test."""

    def __init__(self) -> None:
        self.mints: list[Mint] = []
        self.violations: list[str] = []
        self._statements: list[Statement] = []
        self._folders: set[Path] = set()
        self._old_entries: set[Path] = set()
        self._tails: dict[int, str] = {}

    # ---- what the servers tell

    def add_effect(self, path: str, workspace: str, body: bytes, answer: bytes) -> None:
        """Note what a request did: a token that it minted, or one that it revoked."""
        with suppress(ValueError, AttributeError):
            if path.endswith("/create"):
                minted = json.loads(answer)
                if isinstance(value := minted.get("token_value"), str):
                    self.mints.append(Mint(minted["token_info"]["token_id"], value, workspace))
            elif path.endswith("/delete"):
                self._settle_named("revoked", {json.loads(body).get("token_id")})
            elif self.mints and "/token-management/tokens/" in path:
                self._settle_named("revoked", {path.rpartition("/")[2]})

    def add_answer(
        self, server: object, method: str, path: str, answer: tuple[int, bytes, Mapping[str, str]] | None
    ) -> None:
        """Note the answer to a listing, None if the connection ended instead; or check what was read before a write."""
        if not self._statements:
            return
        statement = self._statements[-1]
        place, _, query = path.partition("?")
        if method == "GET" and place.endswith(_LISTINGS):
            statement.reads[id(server), f"{place}?{query}"] = answer is not None and is_whole(*answer)
        elif method != "GET" and "/oidc/" not in path and not all(statement.reads.values()):
            self.violations.append(f"{method} {path} was sent after an incomplete read: {list(statement.reads)}")

    # ---- what the doors tell

    def see(self, text: object, stream: object = None) -> None:
        """Note what has passed a door to the user: a text, or cells and rows."""
        if not self.mints:
            return
        if isinstance(text, list | tuple):
            for each in text:
                self.see(each)
            return
        shown = text.decode("utf-8", "replace") if isinstance(text, bytes | bytearray) else str(text)
        if stream is not None:
            shown = self._tails.get(id(stream), "") + shown
            self._tails[id(stream)] = shown[-_TAIL:]
        for mint in self.mints:
            if not mint.where and mint.value in shown:
                mint.where = "delivered"

    def see_error(self, error: BaseException) -> None:
        """Note the tokens that an error names for the user."""
        if isinstance(error, UnknownOutcome):
            self._settle_named("named", {token_id for token_id, _ in error.orphans})

    def see_messages(self, text: object) -> None:
        """Note a text of the error stream: it may name a token beside the statement that revokes it."""
        shown = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
        if "EXEC " in shown or "DELETE " in shown:
            self._settle_named("named", {mint.token_id for mint in self.mints if mint.token_id in shown})

    def _settle_named(self, where: str, token_ids: Iterable[str | None]) -> None:
        for mint in self.mints:
            if not mint.where and mint.token_id in token_ids:
                mint.where = where

    def watch_folder(self, folder: Path, *, is_old: bool = False) -> None:
        """Look into a state folder at the end of the test; what is there already, if it is old, has nothing to do with it."""
        journal = folder / "journal"
        self._folders.add(journal)
        if is_old and journal.is_dir():
            self._old_entries |= set(journal.iterdir())

    @contextmanager
    def running(self, statement: Statement) -> Iterator[None]:
        """Take the requests of the `with` block as those of a statement."""
        self._statements.append(statement)
        try:
            yield
        finally:
            self._statements.pop()

    # ---- what must hold

    def check(self, *folders: Path) -> None:
        """Raise AssertionError if a promise was broken; values and journals may be in files below `folders`."""
        assert not self.violations, self.violations
        open_mints = [mint for mint in self.mints if not mint.where]
        if not open_mints:
            return
        files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
        journals = {path for folder in self._folders if folder.is_dir() for path in folder.iterdir() if path.is_file()}
        journals |= {path for path in files if path.parent.name == "journal"}
        entries = [
            entry
            for path in journals
            if path not in self._old_entries and path.suffix == ".json" and (entry := _read_entry(path)) is not None
        ]
        contents = [path.read_bytes() for path in files if path not in journals]
        lost = [
            mint
            for mint in open_mints
            if not any(_covers(entry, mint) for entry in entries)
            and not any(mint.value.encode() in content for content in contents)
        ]
        assert not lost, f"tokens that are neither delivered nor reachable nor pending: {lost}"


def is_whole(status: int, body: bytes, headers: Mapping[str, str]) -> bool:
    """Return whether an answer to a listing is whole. Written from the API's documentation, not from what tokensh takes."""
    names = {name.lower().replace("_", "-") for name in headers}
    if "content-encoding" in names:
        return True
    try:
        listed = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return False
    if not isinstance(listed, dict):
        return False
    tokens = listed.get("token_infos") or []
    are_tokens = isinstance(tokens, list) and all(isinstance(token, dict) and "token_id" in token for token in tokens)
    return status == _OK and are_tokens and listed.keys() <= {"token_infos"} and "link" not in names


def _read_entry(path: Path) -> dict[str, Any] | None:
    try:
        entry = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return entry if isinstance(entry, dict) else None


def _covers(entry: Mapping[str, Any], mint: Mint) -> bool:
    orphans = entry.get("orphans")
    if orphans:
        return any(token_id == mint.token_id for token_id, _ in orphans)
    return entry.get("workspace") in (mint.workspace, "") or not mint.workspace


# ---- the one hook: it is installed once for all tests, and tells the ledger of the running one

_ledgers: list[Ledger] = []
_connections: weakref.WeakSet[Connection] = weakref.WeakSet()
_streams: weakref.WeakSet[Any] = weakref.WeakSet()


def current() -> Ledger | None:
    """Return the ledger of the running test."""
    return _ledgers[-1] if _ledgers else None


@contextmanager
def keep_ledger() -> Iterator[Ledger]:
    """Keep a ledger of its own for the `with` block; nothing in it reaches the one around it."""
    ledger = Ledger()
    for connection in _connections:  # a module's fixture may have opened it before
        if not connection._closed:
            ledger.watch_folder(connection.environment.state_folder, is_old=True)
    _ledgers.append(ledger)
    try:
        yield ledger
    finally:
        _ledgers.remove(ledger)


def install() -> None:
    """Watch the servers and the doors of this process."""
    if getattr(install, "is_done", False):
        return
    setattr(install, "is_done", True)  # noqa: B010 (a function has no such attribute for mypy)
    _watch_sandboxes()
    _watch_connections()
    _watch_cursors()
    _watch_processes()


def _watch_sandboxes() -> None:
    call_api, handle = Sandbox._call_api, Sandbox.handle

    @functools.wraps(call_api)
    def watched_call(sandbox: Sandbox, request: SandboxRequest) -> Reply:
        reply = call_api(sandbox, request)
        if reply.status == _OK:
            add_effect(request.headers, request.path, request.body, reply.body, request.workspace)
        return reply

    @functools.wraps(handle)
    def watched_handle(sandbox: Sandbox, request: SandboxRequest, peer: int) -> Any:
        # A write is judged before it takes effect; until a listing is answered, its answer is not whole.
        add_answer(request.headers, sandbox, request.method, request.target, None)
        outcome = handle(sandbox, request, peer)
        if isinstance(outcome, Reply) and outcome.cut is None:
            answer = outcome.status, outcome.body, outcome.headers
            add_answer(request.headers, sandbox, request.method, request.target, answer)
        return outcome

    _replace_method(Sandbox, "_call_api", watched_call)
    _replace_method(Sandbox, "handle", watched_handle)


def add_effect(headers: Mapping[str, str], path: str, body: bytes, answer: bytes, workspace: str = "") -> None:
    """Tell the ledger of the running test what a request of tokensh did."""
    if (ledger := current()) and _is_tokensh(headers):
        ledger.add_effect(path, workspace, body, answer)


def add_answer(
    headers: Mapping[str, str],
    server: object,
    method: str,
    path: str,
    answer: tuple[int, bytes, Mapping[str, str]] | None,
) -> None:
    """Tell the ledger of the running test what a server answered, None if nothing, before it does."""
    if (ledger := current()) and _is_tokensh(headers):
        ledger.add_answer(server, method, path, answer)


def see_terminal(data: bytes) -> None:
    """Tell the ledger of the running test what a terminal got."""
    if ledger := current():
        ledger.see(data, see_terminal)
        ledger.see_messages(data)


def see_output(out: object, err: object) -> None:
    """Tell the ledger of the running test what a process has written."""
    if ledger := current():
        ledger.see(out)
        ledger.see_messages(err)


def _is_tokensh(headers: Mapping[str, str]) -> bool:
    return headers.get("user-agent", "").startswith("tokensh/")


def _watch_connections() -> None:
    opened, run_plan = Connection.__init__, Connection._run_plan
    run, results, returned = Connection.run, Connection.results, Connection.returned

    @functools.wraps(opened)
    def watched_open(connection: Connection, *arguments: Any, **more: Any) -> None:
        opened(connection, *arguments, **more)
        _connections.add(connection)
        environment = connection.environment
        _watch_stream(environment.stdout, Ledger.see)
        _watch_stream(environment.stderr, lambda ledger, text, _: ledger.see_messages(text))
        if ledger := current():
            ledger.watch_folder(environment.state_folder)

    @functools.wraps(run_plan)
    def watched_plan(connection: Connection, *arguments: Any) -> RowSet:
        ledger = current()
        if ledger is None:
            return run_plan(connection, *arguments)
        statement = Statement()
        with ledger.running(statement):
            result = run_plan(connection, *arguments)
        return _watch_rows(result, lambda: ledger.running(statement), _do_nothing)

    @functools.wraps(run)
    def watched_run(connection: Connection, *arguments: Any, **more: Any) -> RowSet:
        result = run(connection, *arguments, **more)
        return _watch_rows(result, nullcontext, _see) if _is_called_by_a_test() else result

    @functools.wraps(results)
    def watched_results(connection: Connection, *arguments: Any, **more: Any) -> Iterator[RowSet]:
        given = results(connection, *arguments, **more)
        return _tell_results(given) if _is_called_by_a_test() else given

    def watched_returned(connection: Connection) -> Any:
        rows = returned.fget(connection)  # type: ignore[attr-defined] # a property
        _see([list(row.values()) for row in rows])
        return rows

    for name, watched in (
        ("__init__", watched_open),
        ("_run_plan", watched_plan),
        ("run", watched_run),
        ("results", watched_results),
        ("returned", property(watched_returned)),
    ):
        _replace_method(Connection, name, watched)


def _is_called_by_a_test() -> bool:
    """Return whether the caller of the caller is outside of tokensh: the rows that it gets are with the user."""
    return not sys._getframe(2).f_globals.get("__name__", "").startswith("tokensh.")


def _watch_rows(result: RowSet, before: Callable[[], Any], after: Callable[[Any], None]) -> RowSet:
    """Return a result, the rows of which are asked for inside of `before()` and given to `after` if they are a write's."""
    if not result.incremental or not isinstance(result.rows, Generator):
        return result
    return replace(result, rows=_pass_rows(result.rows, before, after))


def _pass_rows(rows: Generator[Any, None, None], before: Callable[[], Any], after: Callable[[Any], None]) -> Any:
    """Yield a generator's rows. What is thrown in reaches it: that is how a row that could not be delivered is told."""
    while True:
        try:
            with before():
                row = next(rows)
        except StopIteration:
            return
        except UnknownOutcome as error:
            if after is _see and (ledger := current()):
                ledger.see_error(error)
            raise
        after(row)
        try:
            yield row
        except GeneratorExit:
            rows.close()
            raise
        except BaseException as error:
            with before():
                rows.throw(error)
            raise


def _tell_results(results: Iterator[RowSet]) -> Iterator[RowSet]:
    ledger = current()
    try:
        for result in results:
            yield _watch_rows(result, nullcontext, _see)
    except UnknownOutcome as error:
        if ledger is not None:
            ledger.see_error(error)
        raise


def _do_nothing(_: object) -> None:
    pass


def _see(text: object) -> None:
    if ledger := current():
        ledger.see(text)


def _watch_stream(stream: Any, tell: Callable[[Ledger, object, object], None]) -> None:
    """Tell the ledger what is written to a stream, or to the buffer beneath it."""
    for each in (stream, getattr(stream, "buffer", None)):
        if each is None or each in _streams:
            continue
        with suppress(AttributeError, TypeError):  # one that cannot be watched has another door
            each.write = _watch_write(each, each.write, tell)
            _streams.add(each)


def _watch_write(
    stream: Any, write: Callable[[Any], int], tell: Callable[[Ledger, object, object], None]
) -> Callable[[Any], int]:
    def watched_write(text: Any) -> int:
        written = write(text)
        if ledger := current():
            tell(ledger, text, stream)
        return written

    return watched_write


def _watch_cursors() -> None:
    take = Cursor._take

    @functools.wraps(take)
    def watched_take(cursor: Cursor, result: RowSet, rows: list[Any]) -> None:
        take(cursor, result, rows)
        # Where `execute` has returned, these rows can be fetched: the cursor keeps no others.
        _see(rows if cursor._rows is not None else [])

    _replace_method(Cursor, "_take", watched_take)
    for name in ("execute", "executemany"):
        _replace_method(Cursor, name, _watch_errors(getattr(Cursor, name)))
    for name in ("__next__", "fetchmany", "fetchall"):
        _replace_method(Cursor, name, _watch_fetch(getattr(Cursor, name)))


def _watch_errors(execute: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(execute)
    def watched_execute(cursor: Cursor, *arguments: Any, **more: Any) -> Any:
        try:
            return execute(cursor, *arguments, **more)
        except UnknownOutcome as error:
            if ledger := current():
                ledger.see_error(error)
            raise

    return watched_execute


def _watch_fetch(fetch: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(fetch)
    def watched_fetch(cursor: Cursor, *arguments: Any, **more: Any) -> Any:
        rows = fetch(cursor, *arguments, **more)
        _see(rows)
        return rows

    return watched_fetch


def _replace_method(owner: type, name: str, method: Any) -> None:
    """Replace a method. A warning names the first line outside of the package: that must not be one of this file."""
    if isinstance(method, FunctionType):
        method.__code__ = method.__code__.replace(co_filename=tokensh.__file__)
    setattr(owner, name, method)


def _watch_processes() -> None:
    communicate = subprocess.Popen.communicate

    @functools.wraps(communicate)
    def watched_communicate(process: Any, *arguments: Any, **more: Any) -> Any:
        out, err = communicate(process, *arguments, **more)
        see_output(out or b"", err or b"")
        return out, err

    _replace_method(subprocess.Popen, "communicate", watched_communicate)
