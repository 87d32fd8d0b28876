"""Check the pool: order, deadlines, Ctrl-C, and that a cancelled request is never sent."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count

import pytest

from tokensh.api.pool import CREATE_GRACE, InFlightRequest, RequestCancelled, RequestGroup
from tokensh.environment import Cancellation
from tokensh.errors import CredentialError, Interrupted, NetworkError


@pytest.fixture
def connection() -> Iterator[socket.socket]:
    """Return a socket that a request can be marked as sent through."""
    with socket.socket() as unconnected:
        yield unconnected


def in_flight(
    run: Callable[[InFlightRequest[str]], str],
    *,
    must_complete: bool = False,
    reads_only: bool = False,
    timeout: float = 5.0,
) -> InFlightRequest[str]:
    return InFlightRequest(
        run,
        host="host",
        timeout=timeout,
        reads_only=reads_only,
        must_complete=must_complete,
        on_cancel=lambda _request, _error: None,
    )


def group(
    *requests: InFlightRequest[str],
    workers: int = 4,
    cancellation: Cancellation | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> RequestGroup[str]:
    return RequestGroup(requests, workers=workers, monotonic=monotonic, cancellation=cancellation or Cancellation())


def wait_for(event: threading.Event, answer: str, request: InFlightRequest[str]) -> str:
    event.wait(5)
    return answer


def test_answers_come_in_order_and_as_soon_as_they_can() -> None:
    """The second request ends only after the first one's answer was taken."""
    event = threading.Event()
    answers = group(in_flight(lambda _: "first"), in_flight(partial(wait_for, event, "second"))).outcomes()
    assert next(answers) == "first"
    event.set()
    assert list(answers) == ["second"]


def test_workers_are_no_more_than_allowed() -> None:
    running, most, lock = 0, 0, threading.Lock()

    def run(request: InFlightRequest[str]) -> str:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.005)
        with lock:
            running -= 1
        return "done"

    assert list(group(*(in_flight(run) for _ in range(12)), workers=3).outcomes()) == ["done"] * 12
    assert most == 3


def test_an_error_is_an_item() -> None:
    def fails(request: InFlightRequest[str]) -> str:
        raise CredentialError("none")

    first, second = group(in_flight(fails), in_flight(lambda _: "fine")).outcomes()
    assert isinstance(first, CredentialError)
    assert second == "fine"


def test_a_mistake_of_ours_reaches_the_waiting_thread() -> None:
    def breaks(request: InFlightRequest[str]) -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(group(in_flight(breaks)).outcomes())


@pytest.mark.parametrize(
    ("sent", "message"),
    [(False, "no connection to host within 0.05 s"), (True, "no complete answer from host within 0.05 s")],
)
def test_what_hangs_is_given_up_and_its_worker_replaced(connection: socket.socket, sent: bool, message: str) -> None:
    over = threading.Event()

    def hangs(request: InFlightRequest[str]) -> str:
        if sent:
            request.mark_sent(connection)
        over.wait()
        return "late"

    first, second = group(in_flight(hangs, timeout=0.05), in_flight(lambda _: "fine"), workers=1).outcomes()
    over.set()
    assert isinstance(first, NetworkError)
    assert (str(first), first.sent) == (message, sent)
    assert second == "fine"


def test_what_was_given_up_is_never_sent(connection: socket.socket) -> None:
    """A worker that comes back late from a name lookup finds that it must not send any more."""
    looked_up, ended = threading.Event(), threading.Event()
    seen: list[str] = []

    def late(request: InFlightRequest[str]) -> str:
        looked_up.wait(5)
        try:
            request.mark_sent(connection)
        except RequestCancelled:
            seen.append("cancelled")
            raise
        finally:
            ended.set()
        return "sent"

    (outcome,) = group(in_flight(late, timeout=0.05)).outcomes()
    looked_up.set()
    ended.wait(5)
    assert isinstance(outcome, NetworkError)
    assert not outcome.sent
    assert seen == ["cancelled"]


def test_giving_up_shuts_the_socket() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        request = in_flight(lambda _: "")
        request.mark_sent(ours)
        assert not request.cancel(unless_sent=True)
        assert request.cancel()
        assert theirs.recv(1) == b""


def test_a_socket_that_serves_others_is_left_alone() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        request = in_flight(lambda _: "")
        request.mark_sent(ours)
        request.mark_received()
        request.cancel()
        ours.send(b"x")
        assert theirs.recv(1) == b"x"


class TestCtrlC:
    @pytest.mark.parametrize("reads_only", [True, False])
    def test_ends_everything_at_once(self, connection: socket.socket, reads_only: bool) -> None:
        cancellation, over = Cancellation(), threading.Event()

        def runs(request: InFlightRequest[str]) -> str:
            request.mark_sent(connection)
            cancellation.press()
            over.wait()
            return "late"

        with pytest.raises(Interrupted) as caught:
            list(
                group(
                    *(in_flight(runs, reads_only=reads_only) for _ in range(2)), workers=1, cancellation=cancellation
                ).outcomes()
            )
        over.set()
        assert (caught.value.hint is None) == reads_only

    def test_does_not_wait_for_a_create_that_is_not_sent(self) -> None:
        cancellation, over = Cancellation(), threading.Event()

        def connects(request: InFlightRequest[str]) -> str:
            cancellation.press()
            over.wait()
            return "late"

        with pytest.raises(Interrupted):
            list(group(in_flight(connects, must_complete=True), cancellation=cancellation).outcomes())
        over.set()

    def test_lets_a_create_that_is_sent_answer(self, connection: socket.socket) -> None:
        cancellation = Cancellation()

        def creates(request: InFlightRequest[str]) -> str:
            request.mark_sent(connection)
            cancellation.press()
            time.sleep(0.1)
            return "delivered"

        answers = group(
            *(in_flight(creates, must_complete=True) for _ in range(2)), workers=1, cancellation=cancellation
        ).outcomes()
        assert next(answers) == "delivered"
        with pytest.raises(Interrupted):
            next(answers)

    def test_waits_for_a_create_no_longer_than_its_patience(self, connection: socket.socket) -> None:
        cancellation, over = Cancellation(), threading.Event()
        pressed = threading.Event()
        jumps = count(1)

        def clock() -> float:
            """After the press, it is later by more than the patience each time it is looked at."""
            return next(jumps) * (CREATE_GRACE + 1) if pressed.is_set() else 0.0

        def creates(request: InFlightRequest[str]) -> str:
            request.mark_sent(connection)
            pressed.set()
            cancellation.press()
            over.wait()
            return "late"

        started = time.monotonic()
        (outcome,) = group(
            in_flight(creates, must_complete=True, timeout=1000), cancellation=cancellation, monotonic=clock
        ).outcomes()
        over.set()
        assert time.monotonic() - started < 2
        assert isinstance(outcome, NetworkError)
        assert outcome.sent

    def test_a_second_time_gives_a_create_up(self, connection: socket.socket) -> None:
        cancellation, over = Cancellation(), threading.Event()

        def creates(request: InFlightRequest[str]) -> str:
            request.mark_sent(connection)
            cancellation.press()
            cancellation.press()
            over.wait()
            return "late"

        (outcome,) = group(in_flight(creates, must_complete=True), cancellation=cancellation).outcomes()
        over.set()
        assert isinstance(outcome, NetworkError)
        assert (str(outcome), outcome.sent) == ("interrupted before host answered", True)

    def test_before_the_start_keeps_everything_back(self) -> None:
        cancellation = Cancellation()
        cancellation.press()
        ran = threading.Event()

        def runs(request: InFlightRequest[str]) -> str:
            ran.set()
            return "ran"

        with pytest.raises(Interrupted):
            list(group(in_flight(runs), cancellation=cancellation).outcomes())
        assert not ran.wait(0.05)
