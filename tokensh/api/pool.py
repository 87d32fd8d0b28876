"""Run many HTTP requests at once, with deadlines and Ctrl-C that work whatever a socket does.

Workers are daemon threads that block in requests and urllib3. One more thread, the caller's, waits for them and watches
the clock. The division matters: a timeout of a socket bounds one read, not a response that drips a byte a second, and a
name lookup has no timeout at all. So the waiting thread cancels a request at its deadline or on Ctrl-C, shuts the
request's socket so that the worker's read returns at once, and takes the worker's later result for nothing. A worker that
still hangs (in `getaddrinfo`, which nothing interrupts) is abandoned and replaced; as a daemon it cannot keep the process.

What the callers rely on:

- **It is known whether a request was sent.** A worker calls `mark_sent` before each write to the socket, under the lock
  that `cancel` takes. A request that is cancelled before that is never sent, however late its worker comes back; an error
  of one that is cancelled after it says that a write may have taken effect. A guess would be wrong in both directions: a
  live token that is never revoked, or a warning for nothing.
- **A request whose response carries a secret is not dropped on the first Ctrl-C** once it is sent (`must_complete`): the
  token would exist, with its value lost. It gets `CREATE_GRACE` seconds; a second Ctrl-C ends them.
- **An answer that is in counts**, even if the deadline passed meanwhile: deadlines are checked only when nothing is queued.
  After a stop of the whole process the workers get their turn first.
- **Outcomes come in the order of the requests**, each as soon as it and those before it are known.

`concurrent.futures` offers less: its threads are joined at exit, so that one hanging lookup keeps the process, and a running
future cannot be cancelled. asyncio would need another HTTP library, and its lookups hang in such threads too.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from tokensh.environment import Cancellation
from tokensh.errors import Error, Interrupted, NetworkError

if TYPE_CHECKING:
    import socket

Answer = TypeVar("Answer")

MAY_HAVE_TAKEN_EFFECT = "the request may have taken effect"
"""The hint of an error that leaves a write's outcome open."""
_LATE = 0.1
"""Seconds after a deadline from which on the waiting thread knows that the process itself was stopped (Ctrl-Z, a closed lid)."""
_CATCH_UP = 1.0
"""Seconds that workers then have to read answers that arrived meanwhile."""
CREATE_GRACE = 10.0
"""Seconds that a create which is sent may still take after the first Ctrl-C."""


class RequestCancelled(Exception):
    """Raised in the worker of a request that was cancelled; the waiting thread has its outcome already."""


class InFlightRequest(Generic[Answer]):
    """One request, from its place in the queue to its outcome; its worker and the waiting thread share it.

    Args:
        run: makes the request in a worker's thread and returns its answer or raises an Error.
        host: the host's name, for messages.
        timeout: seconds from the start of its worker to its answer, retries included.
        reads_only: True if the request changes nothing, so that repeating it does no harm.
        must_complete: True if its answer carries a secret that is shown once; see the module's text.
        on_cancel: called in the waiting thread with the outcome of a request whose worker is not waited for.

    `started` and `deadline` are in seconds of the monotonic clock, set when a worker takes the request.
    """

    def __init__(  # noqa: PLR0913 (what the pool must know of a request)
        self,
        run: Callable[[InFlightRequest[Answer]], Answer],
        *,
        host: str,
        timeout: float,
        reads_only: bool,
        must_complete: bool,
        on_cancel: Callable[[InFlightRequest[Answer], Error], None],
    ) -> None:
        self.run = run
        self.host = host
        self.timeout = timeout
        self.reads_only = reads_only
        self.must_complete = must_complete
        self.on_cancel = on_cancel
        self.started = self.deadline = 0.0
        self.sent = False
        """True if any byte of the request may have reached the server."""
        self.cancelled = False
        self.caught_up = False
        """True if it got more time because the process was stopped at its deadline."""
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()

    def start(self, now: float) -> None:
        """Start the clock of the request."""
        self.started, self.deadline = now, now + self.timeout

    def mark_sent(self, connection: socket.socket) -> None:
        """Note, before each write, that the request goes out through a socket. Raises RequestCancelled if it must not."""
        with self._lock:
            self.raise_if_cancelled()
            self.sent = True
            self._socket = connection

    def mark_received(self) -> None:
        """Note that the whole answer is in: the socket may serve other requests from now on."""
        with self._lock:
            self._socket = None

    def mark_refused(self) -> None:
        """Note that the server refused the request without effect (401), so that it may be sent once more."""
        self.sent = False

    def raise_if_cancelled(self) -> None:
        """Raise RequestCancelled if the request was cancelled."""
        if self.cancelled:
            raise RequestCancelled

    def cancel(self, *, unless_sent: bool = False) -> bool:
        """Cancel the request and shut its socket, so that its worker returns; return False if it was sent and so kept."""
        with self._lock:
            if unless_sent and self.sent:
                return False
            self.cancelled = True
            if self._socket is not None:
                _shut_down(self._socket)
            return True

    def interrupted_error(self) -> Error:
        """Return the outcome of a request that Ctrl-C ended."""
        if not self.sent or self.reads_only:
            return Interrupted()
        message = f"interrupted before {self.host} answered"
        if self.must_complete:
            # Not Interrupted: the caller must look for a token that may exist.
            return NetworkError(message, sent=True, hint=MAY_HAVE_TAKEN_EFFECT)
        return Interrupted(message, reason="unanswered", hint=MAY_HAVE_TAKEN_EFFECT)

    def overdue_error(self) -> NetworkError:
        """Return the outcome of a request that passed its deadline."""
        missing = "complete answer from" if self.sent else "connection to"
        hint = MAY_HAVE_TAKEN_EFFECT if self.sent and not self.reads_only else None
        return NetworkError(f"no {missing} {self.host} within {self.timeout:g} s", sent=self.sent, hint=hint)


def _shut_down(connection: socket.socket) -> None:
    import socket  # noqa: PLC0415 (only where a request was sent)

    try:
        # Not the method of SSLSocket, which would also take the TLS state away from the thread that reads.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
    except OSError:
        return  # the connection has ended by itself


_this_thread = threading.local()


def current_request() -> InFlightRequest[Any]:
    """Return the request that this worker's thread is making."""
    request: InFlightRequest[Any] = _this_thread.request
    return request


_CTRL_C = object()


class RequestGroup(Generic[Answer]):
    """Requests that run at once, in at most `workers` threads.

    Args:
        requests: what to run.
        workers: the most threads.
        monotonic: the clock, in seconds.
        cancellation: reports Ctrl-C.
        on_answer: called in the waiting thread after each outcome with the number of outcomes so far.
    """

    def __init__(
        self,
        requests: Sequence[InFlightRequest[Answer]],
        *,
        workers: int,
        monotonic: Callable[[], float],
        cancellation: Cancellation,
        on_answer: Callable[[int], None] | None = None,
    ) -> None:
        self._requests = requests
        self._workers = workers
        self._monotonic = monotonic
        self._cancellation = cancellation
        self._on_answer = on_answer
        self._lock = threading.Lock()
        self._waiting = deque(range(len(requests)))
        self._running: set[int] = set()
        self._outcomes: dict[int, Answer | BaseException] = {}
        # A SimpleQueue is reentrant: a signal handler may put into it while the same thread gets.
        self._events: SimpleQueue[object] = SimpleQueue()
        self._answered = 0
        self._presses = 0
        self._shortest_timeout = min((request.timeout for request in requests), default=0.0)

    def outcomes(self) -> Generator[Answer | Error, None, None]:
        """Yield the outcome of each request, in order, as soon as it and those before it are known; errors are items.

        Raises Interrupted on Ctrl-C. Closing the generator drops what is not sent and cancels what is.
        """
        with closing(self._run()) as outcomes:
            for outcome in outcomes:
                if isinstance(outcome, Interrupted):
                    raise outcome
                yield outcome

    def all_outcomes(self) -> list[Answer | Error]:
        """Wait for every request and return the outcomes, in order; Ctrl-C is the outcome of each that it ended."""
        return list(self._run())

    def _run(self) -> Generator[Answer | Error, None, None]:
        unsubscribe = self._cancellation.on_press(lambda: self._events.put(_CTRL_C))
        try:
            if self._cancellation.presses:
                yield from (Interrupted() for _ in self._requests)
                return
            for _ in range(min(self._workers, len(self._requests))):
                self._start_worker()
            for index in range(len(self._requests)):
                yield self._wait_for(index)
        finally:
            unsubscribe()
            self._drop_waiting()
            for index in self._running_now():
                self._requests[index].cancel()

    # ---- the waiting thread

    def _wait_for(self, index: int) -> Answer | Error:
        while index not in self._outcomes:
            self._handle_event()
        outcome = self._outcomes.pop(index)
        # Our own mistakes end the whole group; an Error is one request's.
        if isinstance(outcome, BaseException) and not isinstance(outcome, Error):
            raise outcome
        return outcome

    def _handle_event(self) -> None:
        """Wait for an answer, Ctrl-C or a deadline, and handle it."""
        try:
            event = self._events.get(timeout=self._seconds_left())
        except Empty:
            # Only now: an answer that is in counts, however late this thread looks at it.
            self._cancel_overdue()
            return
        if event is _CTRL_C:
            self._handle_ctrl_c()
        elif isinstance(event, tuple):
            self._record_outcome(*event)

    def _seconds_left(self) -> float:
        """Return the seconds until the next deadline; a request that starts meanwhile has at least the shortest timeout."""
        now = self._monotonic()
        deadlines = [self._requests[index].deadline for index in self._running_now()]
        return max(0.0, min([now + self._shortest_timeout, *deadlines]) - now)

    def _running_now(self) -> list[int]:
        with self._lock:
            return sorted(self._running)

    def _cancel_overdue(self) -> None:
        now = self._monotonic()
        for index in self._running_now():
            request = self._requests[index]
            if request.deadline <= now - _LATE and not request.caught_up:
                # No thread ran at the deadline: the answer may wait in the socket, and with it a new token's value.
                request.caught_up, request.deadline = True, now + _CATCH_UP
            elif request.deadline <= now:
                self._cancel_request(index)

    def _handle_ctrl_c(self) -> None:
        self._presses += 1
        for index in self._drop_waiting():
            self._outcomes[index] = Interrupted()
        for index in self._running_now():
            request = self._requests[index]
            if self._presses == 1 and request.must_complete and not request.cancel(unless_sent=True):
                request.deadline = min(request.deadline, self._monotonic() + CREATE_GRACE)
            else:
                self._cancel_request(index)

    def _cancel_request(self, index: int) -> None:
        request = self._requests[index]
        request.cancel()
        outcome = request.interrupted_error() if self._presses else request.overdue_error()
        request.on_cancel(request, outcome)
        self._record_outcome(index, outcome)
        self._start_worker()  # in place of one that may never come back

    def _record_outcome(self, index: int, outcome: Answer | BaseException) -> None:
        with self._lock:
            if index not in self._running:
                return  # cancelled before it answered
            self._running.remove(index)
        self._outcomes[index] = outcome
        self._answered += 1
        if self._on_answer is not None:
            self._on_answer(self._answered)

    def _drop_waiting(self) -> list[int]:
        with self._lock:
            dropped = list(self._waiting)
            self._waiting.clear()
            return dropped

    # ---- the workers

    def _start_worker(self) -> None:
        if self._waiting:
            threading.Thread(target=self._run_worker, name="tokensh request", daemon=True).start()

    def _run_worker(self) -> None:
        while (index := self._take_next()) is not None:
            request = _this_thread.request = self._requests[index]
            try:
                outcome: Answer | BaseException = request.run(request)
            except RequestCancelled:
                return  # another worker was started in place of this one
            except BaseException as error:  # noqa: BLE001 (handed over: the waiting thread raises it)
                outcome = error
            self._events.put((index, outcome))
            if request.cancelled:
                return

    def _take_next(self) -> int | None:
        with self._lock:
            if not self._waiting:
                return None
            index = self._waiting.popleft()
            self._requests[index].start(self._monotonic())
            self._running.add(index)
            return index
