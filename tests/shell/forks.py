"""Sessions and runs without the CPU time that starting tokensh takes: a process that has imported it forks for each of them.

`python -m tests.shell.forks FD` is that process. For each request, a JSON object with the descriptors of the three streams and
of a pipe, it forks a monitor, which forks the session, waits for it and writes its exit status into the pipe.
"""

from __future__ import annotations

import atexit
import fcntl
import gc
import io
import json
import os
import pkgutil
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

from pexpect.fdpexpect import fdspawn

from tests import ledger
from tests.support import ROOT

LOCALE = "C.UTF-8"
"""The locale of the process that forks: Python reads it once, when it starts."""
_EXTRAS = ("tokensh.integrations", "tokensh.spark", "tokensh.dbapi.arrow", "tokensh.sandbox.__main__")
_MESSAGE = 1 << 20


def can_fork(variables: Mapping[str, str]) -> bool:
    """Return whether a session with these variables behaves as one that is started: none is read when Python starts."""
    return variables.get("LC_ALL") == LOCALE and not any(name.startswith("PYTHON") for name in variables)


class ForkedSession(fdspawn):  # type: ignore[type-arg] # it is generic only for type checkers
    """A session on a terminal of its own, with the methods of `pexpect.spawn`."""

    def __init__(
        self,
        arguments: Sequence[str],
        variables: Mapping[str, str],
        size: tuple[int, int],
        wait: int,
        umask: int | None = None,
    ) -> None:
        columns, lines = size
        controller, terminal = os.openpty()
        super().__init__(controller, timeout=wait)
        self.setwinsize(lines, columns)
        self.session, self._status = _fork_session([terminal] * 3, arguments, variables, umask=umask, terminal=True)
        self.exitstatus: int | None = None
        os.close(terminal)

    def send(self, text: str | bytes) -> int:
        time.sleep(0.05)  # as pexpect.spawn does
        return int(super().send(text))

    def setwinsize(self, lines: int, columns: int) -> None:
        fcntl.ioctl(self.child_fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def isalive(self) -> bool:
        return not self._has_ended(0)

    def close(self, force: bool = True) -> None:
        """Take the terminal away, and wait for the end; a session that does not end is killed."""
        if self._status < 0:
            return
        if self.flag_eof:  # it has closed the terminal by itself
            self._has_ended(10)
        os.close(self.child_fd)
        self.child_fd, self.closed = -1, True
        for number in (signal.SIGHUP, signal.SIGCONT, signal.SIGINT, signal.SIGKILL):
            if self._has_ended(0.2):
                break
            with suppress(ProcessLookupError):
                os.kill(self.session, number)
        self._has_ended(10)
        os.close(self._status)
        self._status = -1

    def _has_ended(self, seconds: float) -> bool:
        """Wait for the exit status at most for a time (s)."""
        if self.exitstatus is None and self._status >= 0 and select.select([self._status], [], [], seconds)[0]:
            self.exitstatus = int(os.read(self._status, 16) or b"-1")
        return self.exitstatus is not None


class ForkedCommand:
    """A run of the command line without a terminal, with the methods of `subprocess.Popen` that tests need."""

    def __init__(
        self, arguments: Sequence[str], variables: Mapping[str, str], folder: Path, stdout: BinaryIO | None = None
    ) -> None:
        """Start the run; its output goes to a pipe, and nothing is in its input."""
        read_out, write_out = os.pipe()
        read_err, write_err = os.pipe()
        with open(os.devnull, "rb") as nothing:  # noqa: PTH123 (a device)
            streams = [nothing.fileno(), stdout.fileno() if stdout else write_out, write_err]
            self.pid, self._status = _fork_session(streams, arguments, variables, folder=str(folder), umask=0)
        os.close(write_out)
        os.close(write_err)
        self._outputs = [open(descriptor, "rb") for descriptor in (read_out, read_err)]  # noqa: PTH123, SIM115 (pipes, closed at the end)
        self.returncode: int | None = None

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def poll(self) -> int | None:
        """Return the exit status, or minus the signal that ended the run; None if it still runs."""
        return self._wait_for_status(0)

    def communicate(self, timeout: float = 60) -> tuple[bytes, bytes]:
        """Read both outputs to their ends, wait for the exit status, and return what was read. One that hangs is killed."""
        timer = threading.Timer(timeout, os.kill, (self.pid, signal.SIGKILL))
        timer.start()
        with ThreadPoolExecutor(1) as pool:
            err = pool.submit(self._outputs[1].read)
            out = self._outputs[0].read()
        self._wait_for_status(timeout)
        timer.cancel()
        for output in self._outputs:
            output.close()
        if self._status >= 0:
            os.close(self._status)
            self._status = -1
        ledger.see_output(out, err.result())
        return out, err.result()

    def _wait_for_status(self, seconds: float) -> int | None:
        if self.returncode is None and self._status >= 0 and select.select([self._status], [], [], seconds)[0]:
            self.returncode = int(os.read(self._status, 16))
        return self.returncode


def _fork_session(
    streams: Sequence[int],
    arguments: Sequence[str],
    variables: Mapping[str, str],
    *,
    folder: str | None = None,
    umask: int | None = None,
    terminal: bool = False,
) -> tuple[int, int]:
    """Have a session forked, and return its process id and the pipe from which its exit status can be read."""
    reading, writing = os.pipe()
    request = {
        "arguments": list(arguments), "variables": dict(variables), "terminal": terminal, "umask": umask,
        "folder": folder or os.getcwd(),  # noqa: PTH109 (as text)
    }  # fmt: skip
    server = _start_server()
    socket.send_fds(server, [json.dumps(request).encode()], [*streams, writing])
    session = int(server.recv(_MESSAGE))
    os.close(writing)
    return session, reading


@cache
def _start_server() -> socket.socket:
    """Return the connection to the process that forks, which ends with this one."""
    ours, theirs = socket.socketpair()
    variables = {"PATH": os.environ["PATH"], "LC_ALL": LOCALE}
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.shell.forks", str(theirs.fileno())],
        cwd=ROOT, env=variables, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
    )  # fmt: skip
    theirs.close()

    def stop_server() -> None:
        ours.close()
        server.wait(20)

    atexit.register(stop_server)
    return ours


# ---- the process that forks


def serve(connection: socket.socket) -> None:
    """Fork a session for each request, until the other side is gone."""
    import tokensh  # noqa: PLC0415 (only this process needs all of it)

    for module in pkgutil.walk_packages(tokensh.__path__, "tokensh."):
        if not module.name.startswith(_EXTRAS):
            import_module(module.name)
    _warm_caches()
    gc.collect()
    gc.freeze()
    while True:
        message, descriptors, _, _ = socket.recv_fds(connection, _MESSAGE, 4)
        if not message:
            break
        if os.fork() == 0:
            _monitor_session(connection, json.loads(message), descriptors[:3], descriptors[3])
        for descriptor in descriptors:
            os.close(descriptor)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
    with suppress(ChildProcessError):
        while True:
            os.wait()


def _warm_caches() -> None:
    """Run what compiles the grammar's table, patterns and functions, which every session would do again. It starts no thread."""
    from tests.environments import make_environment  # noqa: PLC0415 (as above)
    from tokensh.cli.main import main  # noqa: PLC0415 (as above)

    with tempfile.TemporaryDirectory() as home:
        statements = "SHOW METHODS IN user_tokens; SELECT upper('a') AS a, 1.5 AS b; DESCRIBE user_tokens"
        main(["-c", statements], make_environment(Path(home)))


def _monitor_session(
    connection: socket.socket, request: Mapping[str, Any], streams: Sequence[int], status: int
) -> None:
    """Fork the session, tell its process id, and write its exit status when it ends."""
    session = os.fork()
    if session == 0:
        connection.close()
        os.close(status)
        _run_session(request, streams)
    connection.send(str(session).encode())
    connection.close()
    for descriptor in streams:
        os.close(descriptor)
    code = os.waitstatus_to_exitcode(os.waitpid(session, 0)[1])
    with suppress(OSError):
        os.write(status, str(code).encode())
    os._exit(0)


def _run_session(request: Mapping[str, Any], streams: Sequence[int]) -> None:
    """Run the command line on three streams as a process that was started for it, and end."""
    is_terminal = request["terminal"]
    if is_terminal:
        os.setsid()
        fcntl.ioctl(streams[0], termios.TIOCSCTTY, 0)
    for standard, descriptor in enumerate(streams):
        os.dup2(descriptor, standard)
    for descriptor in streams:
        os.close(descriptor)
    if request["umask"] is not None:
        os.umask(request["umask"])
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["variables"])
    time.tzset()
    random.seed()
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0)), "utf-8", "surrogateescape")
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(io.FileIO(1, "w")), "utf-8", "surrogateescape", line_buffering=is_terminal
    )
    sys.stderr = io.TextIOWrapper(
        io.BufferedWriter(io.FileIO(2, "w")), "utf-8", "backslashreplace", line_buffering=True
    )
    import tokensh.__main__  # noqa: PLC0415 (as above)
    from tokensh.cli.main import main  # noqa: PLC0415 (as above)

    sys.argv = [str(tokensh.__main__.__file__), *request["arguments"]]
    status: object = 1
    try:
        status = main()
    except SystemExit as leaving:
        status = leaving.code
    except BaseException:  # noqa: BLE001 (as the interpreter does at its end)
        traceback.print_exc()
    threading._shutdown()  # type: ignore[attr-defined] # the interpreter's own end waits for threads
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(status if isinstance(status, int) else 1 if status else 0)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
