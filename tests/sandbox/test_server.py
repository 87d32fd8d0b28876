"""The server speaks HTTP/1.1: keep-alive, one write per reply, clean and unclean ends."""

from __future__ import annotations

import socket
import threading
import time
from email.utils import parsedate_to_datetime
from http.client import IncompleteRead, RemoteDisconnected

import pytest

from tests.sandbox.client import WORKSPACE, Client
from tokensh.errors import InterfaceError
from tokensh.sandbox import Sandbox, start

LIST = f"/w/{WORKSPACE}/api/2.0/token/list"


def test_a_connection_is_kept_and_a_request_id_is_new_each_time(sandbox: Sandbox) -> None:
    with Client(sandbox) as client:
        ids = set()
        for _ in range(3):
            client.count()
            ids.add(client.headers["X-Request-Id"])
    assert len(ids) == 3
    assert len({entry.peer for entry in sandbox.log}) == 1
    assert client.headers["Content-Type"] == "application/json; charset=utf-8"


def test_kept_connections_do_not_wait_for_delayed_acknowledgements(sandbox: Sandbox) -> None:
    """Two writes per reply would cost 40 ms each."""
    with Client(sandbox) as client:
        durations = []
        for _ in range(10):
            started = time.monotonic()
            client.count()
            durations.append(time.monotonic() - started)
    assert sorted(durations)[4] < 0.03


def test_a_reply_without_content_keeps_the_connection(sandbox: Sandbox) -> None:
    with Client(sandbox) as client:
        conf = f"/w/{WORKSPACE}/api/2.0/workspace-conf"
        assert client.send("PATCH", conf, {"maxTokenLifetimeDays": "9"}) == (204, b"")
        assert "Content-Length" not in client.headers
        assert client.count() == 7
    assert len({entry.peer for entry in sandbox.log}) == 1


def test_the_date_follows_the_clock() -> None:
    with start(clock_offset=86_400.0) as sandbox, Client(sandbox) as client:
        sandbox.advance(86_400)
        created = client.call("POST", "create", {})["token_info"]["creation_time"] / 1000
        told = parsedate_to_datetime(client.headers["Date"]).timestamp()
    assert abs(told - created) <= 1
    assert abs(created - time.time() - 2 * 86_400) < 60


@pytest.mark.parametrize(
    "head",
    ["Transfer-Encoding: chunked", "Content-Length: x", "Content-Length: -1", "Content-Length: 99999999999999"],
)
def test_a_body_of_unknown_or_absurd_length_is_refused(sandbox: Sandbox, head: str) -> None:
    with socket.create_connection(("127.0.0.1", sandbox.port), 10) as raw:
        raw.sendall(f"POST {LIST} HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n".encode())
        answer = b"".join(iter(lambda: raw.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"Content-Length, of at most" in answer


def test_a_dropped_connection_is_reset_before_the_effect(sandbox: Sandbox) -> None:
    sandbox.fault("POST *", drop=True)
    with Client(sandbox) as client:
        with pytest.raises(ConnectionResetError):
            client.call("POST", "create", {})
        assert client.count() == 7


def test_a_dropped_connection_is_reset_after_the_effect(sandbox: Sandbox) -> None:
    sandbox.fault("POST *", drop=True, after_handler=True)
    with Client(sandbox) as client:
        with pytest.raises(ConnectionResetError):
            client.call("POST", "create", {})
        assert client.count() == 8


def test_a_closed_connection_ends_in_order(sandbox: Sandbox) -> None:
    sandbox.fault("*", close=True)
    with Client(sandbox) as client, pytest.raises(RemoteDisconnected):
        client.count()


def test_a_body_can_be_cut_short(sandbox: Sandbox) -> None:
    sandbox.fault("*", body='{"token_infos', headers={"content-length": "500"})
    with Client(sandbox) as client, pytest.raises(IncompleteRead):
        client.count()


def test_a_body_can_drip(sandbox: Sandbox) -> None:
    sandbox.fault("*", body="{     }", drip=0.02)
    started = time.monotonic()
    with Client(sandbox) as client:
        assert client.send("GET", LIST) == (200, b"{     }")
    assert time.monotonic() - started >= 0.14


def test_headers_of_a_fault_reach_the_client(sandbox: Sandbox) -> None:
    sandbox.fault("*", status=429, headers={"Retry-After": "7", "x-request-id": "mine"})
    with Client(sandbox) as client:
        assert client.send("GET", LIST)[0] == 429
        assert (client.headers["Retry-After"], client.headers["x-request-id"]) == ("7", "mine")
        assert "X-Request-Id" not in client.headers


def test_close_lets_a_waiting_request_go() -> None:
    sandbox = start()
    sandbox.fault("*", delay=60)
    with Client(sandbox) as client:
        client.connection.request("GET", LIST)
        while not sandbox.log:
            time.sleep(0.005)
        started = time.monotonic()
        sandbox.close()
        with pytest.raises(ConnectionError):
            client.connection.getresponse()
    assert time.monotonic() - started < 5


def test_many_connect_at_once() -> None:
    with start(any_workspace=True, latency=0.05) as sandbox:
        seen: list[int] = []

        def ask(number: int) -> None:
            with Client(sandbox) as client:
                seen.append(client.send("GET", f"/w/dbc-{number}/api/2.0/token/list")[0])

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(60)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert seen == [200] * 60
    assert len({entry.workspace for entry in sandbox.log}) == 60


@pytest.mark.parametrize("port", [None, 70_000])
def test_a_port_that_cannot_be_had_is_one_clear_error(sandbox: Sandbox, port: int | None) -> None:
    with pytest.raises(InterfaceError, match=r"the sandbox cannot listen on 127\.0\.0\.1:"):
        start(port or sandbox.port)


def test_a_closed_sandbox_frees_its_port() -> None:
    with start() as first:
        pass
    with start(first.port) as second, Client(second) as client:
        assert client.count() == 7
