"""Run the command line against a faulty workspace, and record its output, its requests and the files it touches."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.resilience.faulty_server import FaultyServer, ReceivedRequest
from tests.resilience.token_store import TokenStore
from tests.shell.forks import ForkedCommand, can_fork
from tokensh.cli.main import main
from tokensh.environment import Environment

COMMAND = Path(sys.executable).with_name("tokensh")
"""The installed command."""
WORKSPACE = "dbc-1"
SELECT = "SELECT token_id, comment FROM user_tokens"
INSERT = "INSERT INTO user_tokens (data__lifetime_seconds, data__comment) SELECT 3600, 'ci' RETURNING token_info, token_value"
REVOKE = """EXEC user_tokens.revoketoken @@json = '{"token_id": "a1"}'"""
BEARER = "c4n4ry~bear/er+" + "7f3a9c1e" * 3 + "=="
"""A credential that no pattern of the redactor matches, with characters that URLs escape."""

_recordings: list[list[tuple[str, tuple[Any, ...]]]] = []
_RECORDED_EVENTS = ("socket.connect", "socket.getaddrinfo", "open", "subprocess.Popen")


def _record_event(event: str, arguments: tuple[Any, ...]) -> None:
    if _recordings and event in _RECORDED_EVENTS:
        _recordings[-1].append((event, arguments))


sys.addaudithook(_record_event)


@dataclass(frozen=True)
class CommandRun:
    """One run. `requests` reached a server of the test while it ran; `events` are those of Python's audit hook.

    `minted` are the ids of the tokens created meanwhile; `writes` is the number of writes to one path that are expected.
    """

    arguments: tuple[str, ...]
    base: tuple[str, ...]
    variables: Mapping[str, str]
    status: int
    out: str
    err: str
    requests: Sequence[tuple[FaultyServer, ReceivedRequest]] = ()
    events: Sequence[tuple[str, tuple[Any, ...]]] = ()
    minted: Sequence[str] = ()
    writes: int = 1

    def count_requests(self, method: str, route: str = "") -> int:
        """Return the number of requests of a method, and to a route if one is given."""
        return sum(seen.method == method and (not route or seen.route == route) for _, seen in self.requests)


@dataclass
class Harness:
    """A home folder, a credential, a workspace's server, another host's server, and the runs of the command line in them.

    `own_files` are the files that the test wrote itself, `secret_files` those that may hold a secret; `secrets` must not appear
    anywhere, like the credential; `allowed_servers` and `ports` (on loopback) may be connected to, like the workspace.
    """

    root: Path
    token: str = BEARER
    runs: list[CommandRun] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    ports: set[int] = field(default_factory=set)
    own_files: set[Path] = field(default_factory=set)
    secret_files: set[Path] = field(default_factory=set)
    allowed_servers: list[FaultyServer] = field(default_factory=list)
    sleeps: list[float] = field(default_factory=list)
    tokens: TokenStore = field(default_factory=TokenStore)
    running: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True)
        self.temporary.mkdir()

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def temporary(self) -> Path:
        return self.root / "tmp"

    @cached_property
    def workspace(self) -> FaultyServer:
        """The workspace's server, which behaves well until a test gives it a script."""
        return self.running.enter_context(FaultyServer(app=self.tokens))

    @cached_property
    def other_host(self) -> FaultyServer:
        """The server of another host, which nothing may reach."""
        return self.running.enter_context(FaultyServer())

    @property
    def servers(self) -> tuple[FaultyServer, ...]:
        """The servers that a run may call, as far as the test has started them."""
        return tuple(self.__dict__[name] for name in ("workspace",) if name in self.__dict__) + tuple(
            self.allowed_servers
        )

    @property
    def endpoint(self) -> str:
        return f"{self.workspace.origin}/w/{{deployment_name}}"

    def variables(self, changes: Mapping[str, str | None] | None = None) -> dict[str, str]:
        """Return the environment of a run; a value of None removes a variable."""
        usual = {
            "HOME": str(self.home),
            "TMPDIR": str(self.temporary),
            "PATH": os.environ["PATH"],
            "LC_ALL": "C.UTF-8",
            "DATABRICKS_TOKEN": self.token,
        }
        return {name: value for name, value in {**usual, **(changes or {})}.items() if value is not None}

    def base(self, endpoint: str | None, workspace: str | None) -> tuple[str, ...]:
        template = self.endpoint if endpoint is None else endpoint
        return (
            *(("--endpoint", template) if template else ()),
            *((f"--workspace={workspace}",) if workspace is not None else ()),
        )

    def write_file(self, name: str, text: str | bytes, *, mode: int = 0o600, secret: bool = False) -> Path:
        """Write a file of the test's own below the home folder; with `secret`, its content may hold secrets."""
        path = self.home / name
        for folder in reversed([folder for folder in path.parents if not folder.exists()]):
            folder.mkdir(mode=0o700)
            self.own_files.add(folder)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        path.chmod(mode)
        self.own_files.add(path)
        if secret:
            self.secret_files.add(path)
        return path

    def run(
        self,
        *arguments: str,
        stdin: str | bytes = "",
        variables: Mapping[str, str | None] | None = None,
        endpoint: str | None = None,
        workspace: str | None = WORKSPACE,
        writes: int = 1,
    ) -> CommandRun:
        """Run the command line in this process.

        Args:
            arguments: after `--endpoint` and `-w`.
            stdin: what it reads.
            variables: added to the usual ones; None removes a variable.
            endpoint: replaces the workspace's; empty for none, so that real addresses are used.
            workspace: for `-w`.
            writes: the number of writes to one path that are expected.
        """
        settings, base = self.variables(variables), self.base(endpoint, workspace)
        raw = stdin.encode() if isinstance(stdin, str) else stdin
        out, err = (io.TextIOWrapper(io.BytesIO()) for _ in range(2))
        environment = Environment(io.TextIOWrapper(io.BytesIO(raw)), out, err, settings, sleep=self.sleeps.append)
        with self._record_run(settings, base, arguments, writes) as (events, outcome):
            with contextlib.redirect_stderr(err):
                status = main((*base, *arguments), environment)
            outcome.append((status, _text_of(out), _text_of(err), tuple(events)))
        return self.runs[-1]

    def run_installed(
        self,
        *arguments: str,
        stdin: str | bytes = "",
        variables: Mapping[str, str | None] | None = None,
        endpoint: str | None = None,
        workspace: str | None = WORKSPACE,
        writes: int = 1,
        python: Sequence[str] = (),
    ) -> CommandRun:
        """Run the installed command in its own process, or the interpreter if `python` gives its arguments."""
        settings, base = self.variables(variables), self.base(endpoint, workspace)
        raw = stdin.encode() if isinstance(stdin, str) else stdin
        command = [*([sys.executable, *python] if python else [str(COMMAND)]), *base, *arguments]
        with self._record_run(settings, base, arguments, writes) as (_, outcome):
            if not python and not raw and can_fork(settings):
                forked = ForkedCommand([*base, *arguments], settings, self.home)
                out, err = forked.communicate()
                status = forked.returncode
            else:
                completed = subprocess.run(
                    command, input=raw, capture_output=True, env=settings, timeout=120, check=False, cwd=self.home
                )
                out, err, status = completed.stdout, completed.stderr, completed.returncode
            outcome.append((status, out.decode(), err.decode(), ()))
        return self.runs[-1]

    def add_run(self, result: CommandRun) -> None:
        """Add a run that the test made itself (through a terminal, with a signal) to those that are checked."""
        self.runs.append(result)

    @contextmanager
    def _record_run(
        self, settings: Mapping[str, str], base: tuple[str, ...], arguments: tuple[str, ...], writes: int
    ) -> Iterator[tuple[list[tuple[str, tuple[Any, ...]]], list[Any]]]:
        self.servers  # noqa: B018 (the workspace's server must exist before its log is counted)
        already_logged = {id(server): len(server.log) for server in self.servers}
        minted = set(self.tokens.minted)
        events: list[tuple[str, tuple[Any, ...]]] = []
        outcome: list[Any] = []
        umask, temporary = os.umask(0), tempfile.tempdir
        tempfile.tempdir = str(self.temporary)
        _recordings.append(events)
        try:
            yield events, outcome
        finally:
            _recordings.remove(events)
            tempfile.tempdir = temporary
            os.umask(umask)
        status, out, err, kept = outcome[0]
        requests = [
            (server, request) for server in self.servers for request in server.log[already_logged.get(id(server), 0) :]
        ]
        new = [token_id for token_id in self.tokens.minted if token_id not in minted]
        self.runs.append(CommandRun(arguments, base, settings, status, out, err, requests, kept, new, writes))


def _text_of(stream: io.TextIOWrapper) -> str:
    with contextlib.suppress(ValueError):
        stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()
