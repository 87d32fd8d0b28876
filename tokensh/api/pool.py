"""Many requests at once: a few daemon threads that work, and one thread that waits for them and watches the clock.

The waiting thread is the watchdog: nothing that blocks on a socket can be trusted to come back in time (a reply that drips
byte by byte never does), so it is the waiting thread that gives a request up at its deadline or on Ctrl-C, and shuts its
socket. A worker that still hangs, say in a name lookup that nothing can interrupt, is left behind and replaced.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Generic, TypeVar

from tokensh._dataclasses import dataclass
from tokensh.environment import Cancellation
from tokensh.errors import Error, Interrupted, NetworkError

if TYPE_CHECKING:
    import socket

Answer = TypeVar("Answer")

MAYBE = "the request may have taken effect"
"""The hint of an error that leaves a write's outcome open."""
PATIENCE = 10.0
"""Seconds that a create whose request is on its way is given after the first Ctrl-C."""


class RequestCancelled(Exception):
    """The worker's request was given up; nobody waits for its answer any more."""


@dataclass(frozen=True, slots=True)
class Job(Generic[Answer]):
    """One request to be made: `run` does it in a worker's thread, raising an Error; `timeout` is its whole time in s.

    `precious`: what it makes would be lost with its answer, so that Ctrl-C waits for it once it is sent. `given_up` is told,
    in the waiting thread, what is made of it where its worker is not waited for.
    """

    run: Callable[[Flight], Answer]
    place: str
    timeout: float
    reads_only: bool
    precious: bool
    given_up: Callable[[Flight, Error], None]


class Flight:
    """A request on its way: what its worker and the thread that waits tell each other. Times in s, monotonic."""

    def __init__(self, started: float, deadline: float) -> None:
        self.started = started
        self.deadline = deadline
        self.sent = False
        """Whether any byte of it may have reached the server."""
        self.stopped = False
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()

    def depart(self, connection: socket.socket) -> None:
        """Say, before each write, that the request now goes out through this socket. Raises RequestCancelled if it must not."""
        with self._lock:
            self.check()
            self.sent = True
            self._socket = connection

    def arrive(self) -> None:
        """Say that the answer is in: from now on the socket may serve others."""
        with self._lock:
            self._socket = None

    def refused(self) -> None:
        """Say that the server had it and did nothing (401), so that it may be sent once more."""
        self.sent = False

    def check(self) -> None:
        """Raise RequestCancelled if the request was given up."""
        if self.stopped:
            raise RequestCancelled

    def stop(self, *, unless_sent: bool = False) -> bool:
        """Give the request up and shut its socket, so that its worker comes back; whether it was stopped."""
        with self._lock:
            if unless_sent and self.sent:
                return False
            self.stopped = True
            if self._socket is not None:
                _shut(self._socket)
            return True


def _shut(connection: socket.socket) -> None:
    import socket  # noqa: PLC0415 (there is one only where a request was sent)

    try:
        # Not the method of SSLSocket, which would also take the reading thread's TLS state from under it.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
    except OSError:
        return  # it has ended by itself


_here = threading.local()


def current_flight() -> Flight:
    """The request that this thread is working on."""
    flight: Flight = _here.flight
    return flight


_PRESSED = object()


class Batch(Generic[Answer]):
    """Jobs that run at once, in at most `workers` threads; `answers` gives the outcomes in the jobs' order."""

    def __init__(
        self,
        jobs: Sequence[Job[Answer]],
        *,
        workers: int,
        monotonic: Callable[[], float],
        cancellation: Cancellation,
        on_answer: Callable[[int], None] | None = None,
    ) -> None:
        self._jobs = jobs
        self._workers = workers
        self._monotonic = monotonic
        self._cancellation = cancellation
        self._on_answer = on_answer
        self._lock = threading.Lock()
        self._waiting = deque(range(len(jobs)))
        self._flights: dict[int, Flight] = {}
        self._outcomes: dict[int, Answer | BaseException] = {}
        # A SimpleQueue, since a signal's handler may put into it while the same thread gets.
        self._events: SimpleQueue[object] = SimpleQueue()
        self._answered = 0
        self._presses = 0
        self._shortest = min((job.timeout for job in jobs), default=0.0)

    def answers(self) -> Generator[Answer | Error, None, None]:
        """The outcome of each job, in order, as soon as it and those before it are known; an error is an item.

        Raises Interrupted on Ctrl-C. Closing the iterator drops what is not sent and shuts what is.
        """
        forget = self._cancellation.on_press(lambda: self._events.put(_PRESSED))
        try:
            if self._cancellation.presses:
                raise Interrupted
            for _ in range(min(self._workers, len(self._jobs))):
                self._hire()
            for index in range(len(self._jobs)):
                yield self._outcome(index)
        finally:
            forget()
            self._drop_waiting()
            for flight in self._flights.values():
                flight.stop()

    def _outcome(self, index: int) -> Answer | Error:
        while index not in self._outcomes:
            self._step()
        outcome = self._outcomes.pop(index)
        if isinstance(outcome, BaseException) and (isinstance(outcome, Interrupted) or not isinstance(outcome, Error)):
            raise outcome
        return outcome

    # In the waiting thread.

    def _step(self) -> None:
        """Wait for one thing to happen, and see to it."""
        try:
            event = self._events.get(timeout=self._time_left())
        except Empty:
            self._expire()  # only now: an answer that is in counts, however late it is looked at
            return
        if event is _PRESSED:
            self._press()
        elif isinstance(event, tuple):
            self._settle(*event)

    def _expire(self) -> None:
        now = self._monotonic()
        for index, flight in self._in_flight():
            if flight.deadline <= now:
                self._give_up(index, flight)

    def _time_left(self) -> float:
        """Seconds until the next deadline; a job that starts while we wait ends no sooner than the shortest timeout."""
        now = self._monotonic()
        return max(0.0, min([now + self._shortest, *(flight.deadline for _, flight in self._in_flight())]) - now)

    def _in_flight(self) -> list[tuple[int, Flight]]:
        with self._lock:
            return list(self._flights.items())

    def _settle(self, index: int, outcome: Answer | BaseException) -> None:
        with self._lock:
            if self._flights.pop(index, None) is None:
                return  # given up before it answered
        self._outcomes[index] = outcome
        self._answered += 1
        if self._on_answer is not None:
            self._on_answer(self._answered)

    def _give_up(self, index: int, flight: Flight) -> None:
        flight.stop()
        job = self._jobs[index]
        outcome = self._interrupted(job, flight) if self._presses else _overdue(job, flight)
        job.given_up(flight, outcome)
        self._settle(index, outcome)
        self._hire()  # in the place of a worker that may never come back

    def _press(self) -> None:
        self._presses += 1
        for index in self._drop_waiting():
            self._outcomes[index] = Interrupted()
        for index, flight in self._in_flight():
            if self._presses == 1 and self._jobs[index].precious and not flight.stop(unless_sent=True):
                flight.deadline = min(flight.deadline, self._monotonic() + PATIENCE)
            else:
                self._give_up(index, flight)

    @staticmethod
    def _interrupted(job: Job[Answer], flight: Flight) -> Error:
        if not flight.sent or job.reads_only:
            return Interrupted()
        if job.precious:
            return NetworkError(f"interrupted before {job.place} answered", sent=True, hint=MAYBE)
        return Interrupted(f"interrupted before {job.place} answered", reason="unanswered", hint=MAYBE)

    def _drop_waiting(self) -> list[int]:
        with self._lock:
            dropped = list(self._waiting)
            self._waiting.clear()
            return dropped

    # Workers.

    def _hire(self) -> None:
        if self._waiting:
            threading.Thread(target=self._work, name="tokensh request", daemon=True).start()

    def _work(self) -> None:
        while (taken := self._take()) is not None:
            index, flight = taken
            _here.flight = flight
            try:
                outcome: Answer | BaseException = self._jobs[index].run(flight)
            except RequestCancelled:
                return  # given up, and another worker hired in this one's place
            except BaseException as error:  # noqa: BLE001 (handed over: the waiting thread raises it)
                outcome = error
            self._events.put((index, outcome))
            if flight.stopped:
                return

    def _take(self) -> tuple[int, Flight] | None:
        with self._lock:
            if not self._waiting:
                return None
            index = self._waiting.popleft()
            now = self._monotonic()
            flight = self._flights[index] = Flight(now, now + self._jobs[index].timeout)
            return index, flight


def _overdue(job: Job[Answer], flight: Flight) -> NetworkError:
    if flight.sent:
        message = f"no complete answer from {job.place} within {job.timeout:g} s"
        hint = None if job.reads_only else MAYBE
    else:
        message, hint = f"no connection to {job.place} within {job.timeout:g} s", None
    return NetworkError(message, sent=flight.sent, hint=hint)
