"""The server speaks HTTP/1.1: keep-alive, one write per reply, clean and unclean ends."""

from __future__ import annotations

import socket
import threading
import time
from email.utils import parsedate_to_datetime
from http.client import IncompleteRead, RemoteDisconnected

import pytest

from tests.cases import each_case
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
    [
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 3",
        "Content-Length: x",
        "Content-Length: -1",
        "Content-Length: +1",
        "Content-Length: 99999999999999",
        "Content-Length: 00000000099999999999",
        "Content-Length: 1\r\nContent-Length: 2",
        "Content-Length: " + "9" * 5000,
        "Content-Length: 4194305",
        "Content-Length: \xb2",
    ],
)
def test_a_body_of_unknown_or_absurd_length_is_refused(sandbox: Sandbox, head: str) -> None:
    with socket.create_connection(("127.0.0.1", sandbox.port), 10) as raw:
        raw.sendall(f"POST {LIST} HTTP/1.1\r\nHost: localhost\r\n{head}\r\n\r\n".encode("latin-1"))
        answer = b"".join(iter(lambda: raw.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"Content-Length" in answer


CREATE = f"/w/{WORKSPACE}/api/2.0/token/create"


def exchange(sandbox: Sandbox, text: bytes) -> bytes:
    """Send bytes on a connection that the server is to close, and return all that it answers."""
    with socket.create_connection(("127.0.0.1", sandbox.port), 10) as raw:
        raw.sendall(text)
        raw.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: raw.recv(4096), b""))


def chunked(sandbox: Sandbox, body: bytes) -> bytes:
    head = f"POST {CREATE} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {sandbox.token}\r\nTransfer-Encoding: chunked\r\n\r\n"
    return exchange(sandbox, head.encode() + body)


def test_a_body_may_come_in_chunks(sandbox: Sandbox) -> None:
    body = b'6;name="x"\r\n{"comm\r\n10\r\nent": "chunked"}\r\n0\r\nX-Trailer: 1\r\n\r\n'
    answer = chunked(sandbox, body)
    assert b" 200 " in answer.splitlines()[0]
    assert b'"comment": "chunked"' in answer


def test_a_connection_goes_on_after_chunks(sandbox: Sandbox) -> None:
    with Client(sandbox) as client:
        for _ in range(2):
            client.connection.request(
                "POST", CREATE, iter([b'{"comment"', b': "x"}']), {"Authorization": f"Bearer {sandbox.token}"},
                encode_chunked=True,
            )  # fmt: skip
            response = client.connection.getresponse()
            assert (response.status, b'"x"' in response.read()) == (200, True)


@pytest.mark.parametrize(
    "body",
    [
        b"x\r\n", b"-1\r\n", b"+2\r\n{}\r\n0\r\n\r\n", b"\r\n", b"2\r\n{", b"2\r\n{}}\r\n0\r\n\r\n", b"fffffffff\r\n", b"400001\r\n", b"0" * 3000,
        b"3fffff\r\n" + b" " * 0x3FFFFF + b"\r\n2\r\n{}\r\n0\r\n\r\n", b"2\r\n{}\r\n0\r\n" + b"A: b\r\n" * 200,
    ],
    ids=lambda body: ascii(body[:12]),
)  # fmt: skip
def test_chunks_that_are_wrong_or_too_many_are_refused(body: bytes, sandbox: Sandbox) -> None:
    assert chunked(sandbox, body).startswith(b"HTTP/1.1 400 ")


REFUSED_PAGES = [
    "Host: evil.example.com",
    "Host: 127.0.0.1.evil.example",
    "Host: localhost.evil.example:80",
    "Host: evil.example@127.0.0.1",
    "Host: 127.0.0.1\r\nHost: evil.example",
    "Host: localhost\r\nOrigin: http://evil.example.com",
    "Host: localhost\r\nOrigin: null",
    "Host: localhost\r\nOrigin: http://localhost:1",
    "Host: localhost\r\nOrigin: https://127.0.0.1",
    "Host: localhost\r\nSec-Fetch-Site: cross-site",
    "Host: localhost\r\nSec-Fetch-Site: same-site",
]


@each_case("page", REFUSED_PAGES)
@each_case("path", ["/__sandbox/fault", CREATE])
def test_a_web_page_can_neither_set_faults_nor_mint(page: str, path: str, sandbox: Sandbox) -> None:
    body = b'{"pattern": "*", "status": 500}'
    head = f"POST {path} HTTP/1.1\r\n{page}\r\nAuthorization: Bearer {sandbox.token}\r\nContent-Length: {len(body)}\r\n\r\n"
    with Client(sandbox) as client:
        before = client.count()
        assert exchange(sandbox, head.encode() + body).startswith(b"HTTP/1.1 403 ")
        assert client.count() == before


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:{port}", "localhost:{port}", "LOCALHOST", "[::1]:{port}", "dbc-1.localhost:{port}"]
)
def test_a_program_of_this_machine_is_answered(host: str, sandbox: Sandbox) -> None:
    head = f"GET {LIST} HTTP/1.1\r\nHost: {host.format(port=sandbox.port)}\r\nAuthorization: Bearer {sandbox.token}\r\n\r\n"
    assert exchange(sandbox, head.encode()).startswith(b"HTTP/1.1 200 ")


def test_a_silent_connection_is_closed(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tokensh.sandbox.server._Handler.timeout", 0.1)
    for text in (b"", b"GET / HT", f"POST {LIST} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n{{".encode()):
        with socket.create_connection(("127.0.0.1", sandbox.port), 10) as raw:
            raw.sendall(text)
            assert raw.recv(4096) == b""
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("interim", [(103,), (100, 102, 103)])
def test_answers_can_come_before_the_answer(interim: tuple[int, ...], sandbox: Sandbox) -> None:
    sandbox.fault("*/token/list", interim=interim)
    head = f"GET {LIST} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {sandbox.token}\r\n\r\n"
    statuses = [line[9:12] for line in exchange(sandbox, head.encode()).splitlines() if line.startswith(b"HTTP/1.1")]
    assert statuses == [str(code).encode() for code in (*interim, 200)]


def test_a_reply_can_be_cut_after_its_effect(sandbox: Sandbox) -> None:
    sandbox.fault("POST */token/create", after_handler=True, cut=10)
    with Client(sandbox) as client:
        with pytest.raises(IncompleteRead):
            client.call("POST", "create", {"comment": "cut"})
        client.connection.close()
        assert "cut" in {row["comment"] for row in client.call("GET", "list")["token_infos"]}


@each_case("status", [200, 206, 226, 299, 400, 599])
@each_case("body", [b"[1]", [1], {"a": 1}, "text", b"\xff"])
def test_a_fault_can_answer_anything(status: int, body: object, sandbox: Sandbox) -> None:
    sandbox.fault("*/token/list", status=status, body=body, headers={"Content-Range": "x"})
    with Client(sandbox) as client:
        assert client.send("GET", LIST)[0] == status
        assert client.headers["Content-Range"] == "x"


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
