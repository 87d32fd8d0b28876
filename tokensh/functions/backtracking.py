"""Run regular expressions of users so that none can hang the process.

Python's `re` backtracks, holds the interpreter's lock while it does, and knows no time limit: over 40 letters, `(a+)+$` takes
hours. So the steps that an expression can take are estimated from its parts. A harmless one runs here; any other runs in a
process of its own, which is ended after `TIME_LIMIT` and when the user presses Ctrl-C.
"""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from tokensh.errors import DataError, Interrupted

if TYPE_CHECKING:
    import subprocess

TIME_LIMIT = 5.0
"""Seconds that an expression may take over one text."""
_MOST_STEPS = 200_000_000
"""Estimated steps up to which an expression runs in this process: about a second at the worst."""
_LOOK = 0.05
"""Seconds between two looks at Ctrl-C."""
_ENDLESS = float("inf")

# Reads lines of JSON, each the name of an operation, the expression, its flags, the text and a replacement.
_WORKER = """\
import json, re, sys
for line in sys.stdin.buffer:
    name, pattern, flags, text, template = json.loads(line)
    compiled = re.compile(pattern, flags)
    try:
        if name == "sub":
            reply = compiled.sub(template, text)
        else:
            match = compiled.search(text)
            reply = match and [*match.span(), match[0]]
    except (re.error, IndexError) as error:
        reply = {"error": str(error)}
    sys.stdout.buffer.write(json.dumps(reply).encode() + b"\\n")
    sys.stdout.buffer.flush()
"""

Match = tuple[int, int, str]
"""Start, end and text of a match."""


def find_match(pattern: re.Pattern[str], text: str) -> Match | None:
    """Return the first match. Raises DataError after the time limit, Interrupted."""
    if _is_harmless(pattern, len(text)):
        match = pattern.search(text)
        return None if match is None else (*match.span(), match[0])
    with _borrow_worker() as worker:
        reply = worker.ask("search", pattern, text)
    return None if reply is None else (reply[0], reply[1], reply[2])


def replace_matches(pattern: re.Pattern[str], template: str, text: str) -> str:
    """Return the text with every match replaced. Raises DataError, Interrupted, re.error, IndexError."""
    if _is_harmless(pattern, len(text)):
        return pattern.sub(template, text)
    with _borrow_worker() as worker:
        reply = worker.ask("sub", pattern, text, template)
    if isinstance(reply, dict):
        raise re.error(reply["error"])
    return str(reply)


# ---- the estimate


def _is_harmless(pattern: re.Pattern[str], length: int) -> bool:
    # By powers of two: one estimate serves many texts.
    return _estimate_steps(pattern, 1 << length.bit_length()) <= _MOST_STEPS


@lru_cache(maxsize=256)
def _estimate_steps(pattern: re.Pattern[str], length: int) -> float:
    """Return how many steps an expression takes at most over a text, infinite for repetitions within repetitions."""
    parser: Any = _load_parser()
    parsed = parser.parse(pattern.pattern, pattern.flags)
    # A search begins at each character.
    return _count_ways(parsed, length, repetitions=1) * length


def _load_parser() -> Any:
    if sys.version_info >= (3, 11):
        from re import _parser  # noqa: PLC0415 (only for a query with a regular expression)

        return _parser
    import sre_parse  # noqa: PLC0415 (the same)

    return sre_parse


def _count_ways(parts: Any, length: int, repetitions: int = 0) -> float:
    """Return in how many ways the parts of an expression can match, one after the other; `repetitions` came before them."""
    ways = 1.0
    for operation, argument in parts:
        match str(operation), argument:
            case (("LITERAL" | "NOT_LITERAL" | "IN" | "ANY" | "AT" | "CATEGORY" | "FAILURE"), _):
                continue
            case (("MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT"), (least, most, body)):
                most = min(int(most), length)
                inner = _count_ways(body, length)
                lengths = max(1, most - int(least) + 1)
                # Of repetitions in a row, each begins where the one before it ends: they share the text.
                repetitions += lengths > 2
                ways *= (
                    _ENDLESS if inner > 1 and most > 1 else inner * max(lengths / max(repetitions, 1), min(lengths, 2))
                )
            case "SUBPATTERN", (*_, body):
                ways *= _count_ways(body, length)
            case "ATOMIC_GROUP", body:
                ways *= _count_ways(body, length)
            case "BRANCH", (_, branches):
                ways *= sum(_count_ways(branch, length) for branch in branches)
            case (("ASSERT" | "ASSERT_NOT"), (_, body)):
                ways *= max(2.0, _count_ways(body, length))
            case _:
                return _ENDLESS
    return ways


# ---- the process


class Worker:
    """A process that runs expressions, started when one needs it; its owner must end it.

    Args:
        is_stopped: tells whether the user has pressed Ctrl-C.
    """

    def __init__(self, is_stopped: Callable[[], bool]) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._is_stopped = is_stopped

    def ask(self, name: str, pattern: re.Pattern[str], text: str, template: str = "") -> Any:
        """Return what an operation of `_WORKER` gives. Raises DataError, Interrupted."""
        process = self._start()
        line = json.dumps([name, pattern.pattern, pattern.flags & ~int(re.DEBUG), text, template]).encode() + b"\n"
        try:
            assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 (PIPE)
            process.stdin.write(line)
            process.stdin.flush()
            self._wait(process, pattern)
            reply = process.stdout.readline()
        except BaseException:
            # Also Ctrl-C of a library's user: the answer to this question must not become the answer to the next.
            self.end()
            raise
        if not reply:
            self.end()
            raise DataError(f"the regular expression {pattern.pattern!r} cannot be run over this text")
        return json.loads(reply)

    def _start(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            import subprocess  # noqa: PLC0415 (few statements need a process)

            try:
                self._process = subprocess.Popen(  # noqa: S603 (Python itself)
                    [sys.executable, "-I", "-S", "-c", _WORKER],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,  # Ctrl-C is for this process, which ends the other
                )
            except OSError as failure:
                raise DataError(f"a regular expression that may take long cannot be run: {failure.strerror}") from None
        return self._process

    def _wait(self, process: subprocess.Popen[bytes], pattern: re.Pattern[str]) -> None:
        import select  # noqa: PLC0415 (few patterns may take long)

        if not hasattr(select, "poll"):
            raise DataError(f"the regular expression {pattern.pattern!r} may take long, which this system cannot limit")
        poll = select.poll()
        assert process.stdout is not None  # noqa: S101 (PIPE)
        poll.register(process.stdout, select.POLLIN)
        for _ in range(round(TIME_LIMIT / _LOOK)):
            if poll.poll(_LOOK * 1000):
                return
            if self._is_stopped():
                raise Interrupted
        raise DataError(
            f"the regular expression {pattern.pattern!r} took longer than {TIME_LIMIT:g} s over one text",
            hint="repetitions within repetitions, such as (a+)+, try every way to divide a text",
        )

    def end(self) -> None:
        """End the process, whatever it does."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()


_current = threading.local()


@contextmanager
def using(worker: Worker) -> Iterator[None]:
    """Let expressions that are evaluated in the `with` block, in this thread, use a worker."""
    before = getattr(_current, "worker", None)
    _current.worker = worker
    try:
        yield
    finally:
        _current.worker = before


@contextmanager
def _borrow_worker() -> Iterator[Worker]:
    """Give the `with` block the thread's worker, or else one of its own."""
    worker: Worker | None = getattr(_current, "worker", None)
    if worker is not None:
        yield worker
        return
    own = Worker(lambda: False)
    try:
        yield own
    finally:
        own.end()
