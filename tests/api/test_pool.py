from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count

import pytest

from tokensh.api.pool import PATIENCE, Batch, Flight, Job, RequestCancelled
from tokensh.environment import Cancellation
from tokensh.errors import CredentialError, Interrupted, NetworkError


@pytest.fixture
def line() -> Iterator[socket.socket]:
    """A connection that a request may leave by."""
    with socket.socket() as one:
        yield one


def job(
    run: Callable[[Flight], str], *, precious: bool = False, reads_only: bool = False, timeout: float = 5.0
) -> Job[str]:
    return Job(run, "host", timeout, reads_only, precious, lambda _flight, _error: None)


def batch(
    *jobs: Job[str],
    workers: int = 4,
    cancellation: Cancellation | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> Batch[str]:
    return Batch(jobs, workers=workers, monotonic=monotonic, cancellation=cancellation or Cancellation())


def waits_for(event: threading.Event, answer: str, flight: Flight) -> str:
    event.wait(5)
    return answer


def test_answers_come_in_order_and_as_soon_as_they_can() -> None:
    """The second job ends only after the first one's answer was taken."""
    event = threading.Event()
    answers = batch(job(lambda _: "first"), job(partial(waits_for, event, "second"))).answers()
    assert next(answers) == "first"
    event.set()
    assert list(answers) == ["second"]


def test_workers_are_no_more_than_allowed() -> None:
    running, most, lock = 0, 0, threading.Lock()

    def run(flight: Flight) -> str:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.005)
        with lock:
            running -= 1
        return "done"

    assert list(batch(*[job(run)] * 12, workers=3).answers()) == ["done"] * 12
    assert most == 3


def test_an_error_is_an_item() -> None:
    def fails(flight: Flight) -> str:
        raise CredentialError("none")

    first, second = batch(job(fails), job(lambda _: "fine")).answers()
    assert isinstance(first, CredentialError)
    assert second == "fine"


def test_a_mistake_of_ours_reaches_the_waiting_thread() -> None:
    def breaks(flight: Flight) -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(batch(job(breaks)).answers())


@pytest.mark.parametrize(
    ("sent", "message"),
    [(False, "no connection to host within 0.05 s"), (True, "no complete answer from host within 0.05 s")],
)
def test_what_hangs_is_given_up_and_its_worker_replaced(line: socket.socket, sent: bool, message: str) -> None:
    over = threading.Event()

    def hangs(flight: Flight) -> str:
        if sent:
            flight.depart(line)
        over.wait()
        return "late"

    first, second = batch(job(hangs, timeout=0.05), job(lambda _: "fine"), workers=1).answers()
    over.set()
    assert isinstance(first, NetworkError)
    assert (str(first), first.sent) == (message, sent)
    assert second == "fine"


def test_what_was_given_up_is_never_sent(line: socket.socket) -> None:
    """A worker that comes back late from a name lookup finds that it must not send any more."""
    looked_up, ended = threading.Event(), threading.Event()
    seen: list[str] = []

    def late(flight: Flight) -> str:
        looked_up.wait(5)
        try:
            flight.depart(line)
        except RequestCancelled:
            seen.append("stopped")
            raise
        finally:
            ended.set()
        return "sent"

    (outcome,) = batch(job(late, timeout=0.05)).answers()
    looked_up.set()
    ended.wait(5)
    assert isinstance(outcome, NetworkError)
    assert not outcome.sent
    assert seen == ["stopped"]


def test_giving_up_shuts_the_socket() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        flight = Flight(0, 0)
        flight.depart(ours)
        assert not flight.stop(unless_sent=True)
        assert flight.stop()
        assert theirs.recv(1) == b""


def test_a_socket_that_serves_others_is_left_alone() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        flight = Flight(0, 0)
        flight.depart(ours)
        flight.arrive()
        flight.stop()
        ours.send(b"x")
        assert theirs.recv(1) == b"x"


class TestCtrlC:
    @pytest.mark.parametrize("reads_only", [True, False])
    def test_ends_everything_at_once(self, line: socket.socket, reads_only: bool) -> None:
        cancellation, over = Cancellation(), threading.Event()

        def runs(flight: Flight) -> str:
            flight.depart(line)
            cancellation.press()
            over.wait()
            return "late"

        with pytest.raises(Interrupted) as caught:
            list(batch(*[job(runs, reads_only=reads_only)] * 2, workers=1, cancellation=cancellation).answers())
        over.set()
        assert (caught.value.hint is None) == reads_only

    def test_does_not_wait_for_a_create_that_is_not_sent(self) -> None:
        cancellation, over = Cancellation(), threading.Event()

        def connects(flight: Flight) -> str:
            cancellation.press()
            over.wait()
            return "late"

        with pytest.raises(Interrupted):
            list(batch(job(connects, precious=True), cancellation=cancellation).answers())
        over.set()

    def test_lets_a_create_that_is_sent_answer(self, line: socket.socket) -> None:
        cancellation = Cancellation()

        def creates(flight: Flight) -> str:
            flight.depart(line)
            cancellation.press()
            time.sleep(0.1)
            return "delivered"

        answers = batch(*[job(creates, precious=True)] * 2, workers=1, cancellation=cancellation).answers()
        assert next(answers) == "delivered"
        with pytest.raises(Interrupted):
            next(answers)

    def test_waits_for_a_create_no_longer_than_its_patience(self, line: socket.socket) -> None:
        cancellation, over = Cancellation(), threading.Event()
        pressed = threading.Event()
        jumps = count(1)

        def clock() -> float:
            """After the press, it is later by more than the patience each time it is looked at."""
            return next(jumps) * (PATIENCE + 1) if pressed.is_set() else 0.0

        def creates(flight: Flight) -> str:
            flight.depart(line)
            pressed.set()
            cancellation.press()
            over.wait()
            return "late"

        started = time.monotonic()
        (outcome,) = batch(
            job(creates, precious=True, timeout=1000), cancellation=cancellation, monotonic=clock
        ).answers()
        over.set()
        assert time.monotonic() - started < 2
        assert isinstance(outcome, NetworkError)
        assert outcome.sent

    def test_a_second_time_gives_a_create_up(self, line: socket.socket) -> None:
        cancellation, over = Cancellation(), threading.Event()

        def creates(flight: Flight) -> str:
            flight.depart(line)
            cancellation.press()
            cancellation.press()
            over.wait()
            return "late"

        (outcome,) = batch(job(creates, precious=True), cancellation=cancellation).answers()
        over.set()
        assert isinstance(outcome, NetworkError)
        assert (str(outcome), outcome.sent) == ("interrupted before host answered", True)

    def test_before_the_start_keeps_everything_back(self) -> None:
        cancellation = Cancellation()
        cancellation.press()
        ran = threading.Event()

        def runs(flight: Flight) -> str:
            ran.set()
            return "ran"

        with pytest.raises(Interrupted):
            list(batch(job(runs), cancellation=cancellation).answers())
        assert not ran.wait(0.05)
