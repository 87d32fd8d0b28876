"""Check over real sockets that the client's promises hold, whatever servers, proxies and networks do."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Generator
from email.utils import formatdate
from pathlib import Path

import pytest

from tests.resilience.certificates import server_context
from tests.resilience.client_bench import (
    TOKEN,
    ClientBench,
    FakeCredential,
    create_request,
    list_request,
    open_client,
    revoke_request,
    target_of,
)
from tests.resilience.faulty_server import (
    OK,
    Behaviour,
    Exchange,
    FaultyServer,
    answers,
    answers_after_effect,
    closes,
    drips,
    hangs,
    has_huge_header,
    is_cut_off,
    is_slow,
    ok,
    packs,
    resets,
    resets_after_effect,
)
from tokensh.api.request import Request
from tokensh.errors import ApiError, Error, Interrupted, NetworkError, OperationalError, ReplyError

REQUESTS = pytest.mark.parametrize("make", [list_request, create_request, revoke_request])


def failure(bench: ClientBench, request: Request) -> Error:
    """Return the error of a request that must fail, checked for secrets."""
    with pytest.raises(Error) as caught:
        bench.client.send(request)
    error = caught.value
    assert TOKEN not in f"{error!r} {error} {error.hint} {error.__cause__!r}"
    assert error.__suppress_context__ or error.__context__ is None
    return error


PUTS_OFF = answers(429)


@pytest.mark.parametrize(
    ("behaviour", "sent_tries"),
    [
        (resets, 3),
        (closes, 3),
        (is_cut_off, 3),
        (has_huge_header, 3),
        (answers(503), 3),
        (PUTS_OFF, 3),
        (answers(502), 3),
    ],
)
class TestRetries:
    def test_a_listing_is_tried_three_times(self, behaviour: Behaviour, sent_tries: int) -> None:
        with FaultyServer(behaviour) as server, open_client() as parts:
            assert isinstance(failure(parts, list_request(server.origin)), OperationalError)
            assert len(server.log) == sent_tries == parts.client.requests_sent

    def test_a_listing_that_then_succeeds_is_a_success(self, behaviour: Behaviour, sent_tries: int) -> None:
        with FaultyServer(behaviour, ok) as server, open_client() as parts:
            assert parts.client.send(list_request(server.origin)).body == OK
            assert len(parts.clocks.sleeps) == 1

    @pytest.mark.parametrize("make", [create_request, revoke_request])
    def test_a_write_is_sent_once(self, behaviour: Behaviour, sent_tries: int, make: Callable[[str], Request]) -> None:
        with FaultyServer(behaviour, ok) as server, open_client() as parts:
            if behaviour is PUTS_OFF:
                assert parts.client.send(make(server.origin)).body == OK
                assert parts.clocks.sleeps == [0.3]
                return
            error = failure(parts, make(server.origin))
            assert isinstance(error, ApiError) or (isinstance(error, NetworkError) and error.sent)
            assert len(server.log) == 1
            assert parts.clocks.sleeps == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500, 501])
@REQUESTS
def test_other_statuses_are_not_tried_again(status: int, make: Callable[[str], Request]) -> None:
    with FaultyServer(answers(status), ok) as server, open_client() as parts:
        error = failure(parts, make(server.origin))
        assert isinstance(error, ApiError)
        assert error.status == status
        assert len(server.log) == 1


@pytest.mark.parametrize("behaviour", [resets_after_effect, answers_after_effect(503, b"<html>busy</html>")])
def test_a_create_that_took_effect_unseen_is_not_repeated(behaviour: Behaviour) -> None:
    with FaultyServer(behaviour) as server, open_client() as parts:
        failure(parts, create_request(server.origin))
        assert len(server.effects) == 1


def test_a_lost_reply_says_that_a_write_may_have_taken_effect() -> None:
    with FaultyServer(closes) as server, open_client() as parts:
        error = failure(parts, revoke_request(server.origin))
        assert str(error) == "no complete answer from 127.0.0.1: the server closed the connection without an answer"
        assert error.hint == "the request may have taken effect"


@REQUESTS
def test_a_server_that_is_down_has_got_nothing(make: Callable[[str], Request]) -> None:
    with FaultyServer() as server:
        pass
    with open_client() as parts:
        error = failure(parts, make(server.origin))
        assert isinstance(error, NetworkError)
        assert not error.sent
        assert str(error) == "no connection to 127.0.0.1: connection refused"


@pytest.mark.parametrize(
    ("header", "sleeps"),
    [
        ("2", [2.0]),
        ("0", [0.0]),
        ("999999", []),
        ("61", []),
        ("soon", [0.3]),
        ("-1", [0.3]),
        ("²", [0.3]),
        (formatdate(0, usegmt=True), [0.0]),
        (formatdate(4e9, usegmt=True), []),
    ],
)
def test_retry_after_is_honoured_up_to_a_minute(header: str, sleeps: list[float]) -> None:
    with FaultyServer(answers(429, Retry_After=header), ok) as server, open_client() as parts:
        if sleeps:
            assert parts.client.send(list_request(server.origin)).body == OK
        else:
            assert isinstance(failure(parts, list_request(server.origin)), ApiError)
        assert parts.clocks.sleeps == sleeps


def test_a_pause_that_would_pass_the_deadline_is_not_begun() -> None:
    with FaultyServer(answers(503, Retry_After="20"), ok) as server, open_client(timeout=10) as parts:
        failure(parts, list_request(server.origin))
        assert parts.clocks.sleeps == []


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
@REQUESTS
def test_a_redirect_is_an_error_that_names_its_host(status: int, make: Callable[[str], Request]) -> None:
    with FaultyServer() as other, open_client() as parts:
        away = f"http://localhost:{other.port}/api/2.0/token/list"
        with FaultyServer(answers(status, Location=away)) as server:
            error = failure(parts, make(server.origin))
            assert isinstance(error, ApiError)
            assert (error.status, len(server.log), other.connections) == (status, 1, 0)
            assert f"redirects to localhost (HTTP {status})" in str(error)


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("file:///etc/passwd", "file:///etc/passwd"),
        ("http://[::1", "http://[::1"),
        (f"https://evil.example/?t={TOKEN}", "evil.example"),
        (f"//{TOKEN}", "//[hidden]"),
        ("", "nowhere"),
        ("\x1b[31m", r"\x1b[31m"),
        ("/" + "x" * 300, "/" + "x" * 99 + " "),
    ],
)
def test_a_redirect_anywhere_is_shown_harmlessly(location: str, shown: str) -> None:
    with FaultyServer(answers(302, Location=location)) as server, open_client() as parts:
        assert f"redirects to {shown}" in str(failure(parts, list_request(server.origin)))


@REQUESTS
def test_a_loop_of_redirects_is_one_request(make: Callable[[str], Request]) -> None:
    with FaultyServer(answers(307, Location="/api/2.0/token/list")) as server, open_client() as parts:
        failure(parts, make(server.origin))
        assert len(server.log) == 1


def test_a_compressed_reply_is_read() -> None:
    with FaultyServer(packs(1)) as server, open_client() as parts:
        assert parts.client.send(list_request(server.origin)).body == OK


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        (packs(1, 64 * 2**20), "the reply is larger than 1,000,000 bytes; it was not read to its end"),
        (packs(2, 64 * 2**20), "the reply is larger than 1,000,000 bytes; it was not read to its end"),
        (answers(200, b" " * 2_000_000), "the reply is larger than 1,000,000 bytes; it was not read to its end"),
        (answers(200, b"no gzip", Content_Encoding="gzip"), "the reply of 127.0.0.1 cannot be decompressed"),
        (packs(6), "the reply of 127.0.0.1 cannot be decompressed"),
    ],
)
@REQUESTS
def test_a_reply_that_cannot_be_unpacked_is_one_error(
    behaviour: Behaviour, message: str, make: Callable[[str], Request]
) -> None:
    with FaultyServer(behaviour) as server, open_client(max_reply=1_000_000) as parts:
        error = failure(parts, make(server.origin))
        assert isinstance(error, ReplyError)
        assert str(error) == message
        assert len(server.log) == 1


@pytest.mark.parametrize("behaviour", [hangs, drips(0.05), is_slow(30)])
@REQUESTS
def test_nothing_outlasts_its_deadline(behaviour: Behaviour, make: Callable[[str], Request]) -> None:
    with FaultyServer(behaviour) as server, open_client(timeout=0.4, create_timeout=0.4) as parts:
        started = time.monotonic()
        error = failure(parts, make(server.origin))
        assert time.monotonic() - started < 1.4
        assert isinstance(error, NetworkError)
        assert error.sent
        assert str(error) == "no complete answer from 127.0.0.1 within 0.4 s"
        assert len(server.log) == 1


def test_a_reply_in_good_time_is_no_failure() -> None:
    with FaultyServer(is_slow(0.3)) as server, open_client(timeout=5) as parts:
        reply = parts.client.send(list_request(server.origin))
        assert reply.body == OK
        assert 0.3 <= reply.elapsed < 5


def pressed_soon(parts: ClientBench, *after: float) -> None:
    """Press Ctrl-C, each time so many seconds after the last."""

    def press() -> None:
        for pause in after:
            time.sleep(pause)
            parts.cancellation.press()

    threading.Thread(target=press, daemon=True).start()


@pytest.mark.parametrize("behaviour", [hangs, drips(0.05)])
@pytest.mark.parametrize("make", [list_request, revoke_request])
def test_ctrl_c_gives_a_request_up_at_once(behaviour: Behaviour, make: Callable[[str], Request]) -> None:
    with FaultyServer(behaviour) as server, open_client() as parts:
        pressed_soon(parts, 0.2)
        started = time.monotonic()
        error = failure(parts, make(server.origin))
        assert time.monotonic() - started < 0.7
        assert isinstance(error, Interrupted)
        assert (error.hint is None) == (make is list_request)


def test_the_first_ctrl_c_lets_a_create_be_delivered() -> None:
    with FaultyServer(is_slow(0.5)) as server, open_client() as parts:
        pressed_soon(parts, 0.1)
        assert parts.client.send(create_request(server.origin)).body == OK
        assert parts.cancellation.presses == 1


def test_the_second_ctrl_c_gives_a_create_up() -> None:
    with FaultyServer(hangs) as server, open_client() as parts:
        pressed_soon(parts, 0.1, 0.2)
        started = time.monotonic()
        error = failure(parts, create_request(server.origin))
        assert time.monotonic() - started < 0.8
        assert isinstance(error, NetworkError)
        assert error.sent
        assert str(error) == "interrupted before 127.0.0.1 answered"


def test_an_earlier_ctrl_c_keeps_everything_back() -> None:
    with FaultyServer() as server, open_client() as parts:
        parts.cancellation.press()
        assert isinstance(failure(parts, create_request(server.origin)), Interrupted)
        assert server.connections == 0


def test_ctrl_c_drops_what_is_not_sent() -> None:
    with FaultyServer(hangs) as server, open_client(max_connections=2) as parts:
        pressed_soon(parts, 0.2)
        with pytest.raises(Interrupted):
            list(parts.client.fetch([list_request(server.origin)] * 20))
        time.sleep(0.1)
        assert len(server.log) == 2


def test_an_iterator_that_is_closed_drops_what_is_not_sent() -> None:
    with FaultyServer(ok, hangs) as server, open_client(max_connections=1) as parts:
        replies = parts.client.fetch([list_request(server.origin)] * 20)
        assert isinstance(replies, Generator)
        next(replies)
        replies.close()
        time.sleep(0.1)
        assert len(server.log) <= 2


class TestManyAtOnce:
    def test_replies_come_in_the_order_of_the_requests(self) -> None:
        with FaultyServer(is_slow(0.3), ok) as server, open_client() as parts:
            requests = [Request("GET", target_of(server.origin), f"/{number}") for number in range(8)]
            counts: list[int] = []
            replies = list(parts.client.fetch(requests, counts.append))
        assert [reply.request for reply in replies if not isinstance(reply, Error)] == requests
        assert counts == list(range(1, 9))

    def test_no_more_connections_than_allowed_and_each_is_used_again(self) -> None:
        with FaultyServer(is_slow(0.02)) as server, open_client(max_connections=4) as parts:
            for _ in range(3):
                assert len(list(parts.client.fetch([list_request(server.origin)] * 12))) == 12
            assert server.connections == 4
            assert parts.client.requests_sent == len(server.log) == 36

    def test_single_requests_share_one_connection(self) -> None:
        with FaultyServer() as server, open_client() as parts:
            for make in (list_request, create_request, revoke_request, list_request):
                parts.client.send(make(server.origin))
            assert server.connections == 1

    def test_they_run_at_once(self) -> None:
        with FaultyServer(is_slow(0.2)) as server, open_client(max_connections=8) as parts:
            started = time.monotonic()
            list(parts.client.fetch([list_request(server.origin)] * 8))
            assert time.monotonic() - started < 0.8

    def test_a_failure_is_an_item_and_the_others_are_answered(self) -> None:
        with FaultyServer(ok, answers(500), ok) as server, open_client(max_connections=1) as parts:
            kinds = [type(reply).__name__ for reply in parts.client.fetch([list_request(server.origin)] * 3)]
        assert kinds == ["Response", "ApiError", "Response"]

    def test_what_hangs_does_not_hold_up_the_others(self) -> None:
        """With one worker, the second request needs the first one's worker to be replaced."""
        with FaultyServer(hangs, ok) as server, open_client(max_connections=1, timeout=0.3) as parts:
            kinds = [type(reply).__name__ for reply in parts.client.fetch([list_request(server.origin)] * 3)]
        assert kinds == ["NetworkError", "Response", "Response"]

    def test_no_requests_are_no_replies(self) -> None:
        with open_client() as parts:
            assert list(parts.client.fetch([])) == []


def test_a_connection_that_was_reset_in_between_is_not_used_for_a_write() -> None:
    def ok_then_close(exchange: Exchange) -> None:
        ok(exchange)
        exchange.hang_up()

    with FaultyServer(ok_then_close) as server, open_client() as parts:
        for _ in range(3):
            parts.client.send(revoke_request(server.origin))
            time.sleep(0.05)
        assert (len(server.log), server.connections) == (3, 3)


@pytest.mark.parametrize(("seconds", "connections"), [(50, 1), (60, 2)])
def test_a_connection_that_idled_for_a_minute_is_not_used_again(seconds: float, connections: int) -> None:
    with FaultyServer() as server, open_client() as parts:
        parts.client.send(list_request(server.origin))
        parts.clocks.ahead += seconds
        parts.client.send(create_request(server.origin))
        assert server.connections == connections


class TestAfter401:
    def test_a_fresh_token_cures_it_for_a_write_too(self) -> None:
        credential = FakeCredential(["old-token-1", "new-token-2"])
        with FaultyServer(answers(401), ok) as server, open_client(credential=credential) as parts:
            assert parts.client.send(create_request(server.origin)).body == OK
            bearers = [seen.headers["authorization"] for seen in server.log]
        assert bearers == ["Bearer old-token-1", "Bearer new-token-2"]
        assert len(server.effects) == 1

    def test_but_only_once(self) -> None:
        credential = FakeCredential(["one-token", "two-token", "three-token"])
        with FaultyServer(answers(401)) as server, open_client(credential=credential) as parts:
            error = failure(parts, list_request(server.origin))
            assert isinstance(error, ApiError)
            assert (error.status, len(server.log)) == (401, 2)

    def test_what_then_fails_is_told_as_sent(self) -> None:
        credential = FakeCredential(["old-token-1", "new-token-2"])
        with FaultyServer(answers(401), closes) as server, open_client(credential=credential) as parts:
            error = failure(parts, create_request(server.origin))
            assert isinstance(error, NetworkError)
            assert (error.sent, len(server.log)) == (True, 2)


class TestWhatTheEnvironmentMayNotDo:
    def test_netrc_puts_in_no_other_credential(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login evil password evil\n")
        monkeypatch.setenv("NETRC", str(netrc))
        with FaultyServer() as server, open_client() as parts:
            parts.client.send(list_request(server.origin))
            parts.client.fetch_json("POST", f"{server.origin}/oidc/v1/token", form={"a": "b"})
            assert [seen.headers.get("authorization") for seen in server.log] == [f"Bearer {TOKEN}", None]

    @pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"])
    def test_a_proxy_does_not_see_what_goes_to_loopback(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        with FaultyServer() as proxy, FaultyServer() as server:
            monkeypatch.setenv(name, proxy.origin)
            with open_client(variables={name: proxy.origin}) as parts:
                assert parts.client.send(list_request(server.origin)).body == OK
            assert proxy.connections == 0

    def test_a_cookie_is_not_sent_back(self) -> None:
        with FaultyServer(answers(200, Set_Cookie="a=b")) as server, open_client() as parts:
            parts.client.send(list_request(server.origin))
            parts.client.send(list_request(server.origin))
            assert "cookie" not in server.log[1].headers


class TestProxy:
    def test_it_is_asked_for_a_tunnel_and_sees_no_credential(self) -> None:
        with FaultyServer(answers(403)) as proxy, open_client(variables={"HTTPS_PROXY": proxy.origin}) as parts:
            error = failure(parts, create_request("https://dbc-1.cloud.databricks.com"))
            assert isinstance(error, NetworkError)
            assert not error.sent
            assert str(error).startswith(
                f"no connection to dbc-1.cloud.databricks.com through the proxy 127.0.0.1:{proxy.port}: it answered 403"
            )
            assert [(seen.method, seen.path) for seen in proxy.log] == [("CONNECT", "dbc-1.cloud.databricks.com:443")]
            assert TOKEN not in str(proxy.log)


class TestTls:
    def test_a_certificate_of_the_named_bundle_is_trusted(self, certificates: Path) -> None:
        variables = {"REQUESTS_CA_BUNDLE": str(certificates / "good.pem")}
        with (
            FaultyServer(tls=server_context(certificates, "good")) as server,
            open_client(variables=variables) as parts,
        ):
            assert parts.client.send(create_request(server.origin)).body == OK
            assert parts.client.send(list_request(server.origin)).body == OK
            assert server.connections == 1

    @pytest.mark.parametrize(
        ("name", "bundle", "reason"),
        [
            ("good", None, "self-signed certificate"),
            ("other", "other", "IP address mismatch"),
            ("old", "old", "certificate has expired"),
        ],
    )
    @REQUESTS
    def test_any_other_certificate_gets_no_request(
        self, certificates: Path, name: str, bundle: str | None, reason: str, make: Callable[[str], Request]
    ) -> None:
        variables = {"CURL_CA_BUNDLE": str(certificates / f"{bundle}.pem")} if bundle else {}
        with FaultyServer(tls=server_context(certificates, name)) as server, open_client(variables=variables) as parts:
            error = failure(parts, make(server.origin))
            assert isinstance(error, NetworkError)
            assert not error.sent
            assert f"certificate of 127.0.0.1 is not trusted: {reason}" in str(error)
            assert (server.connections, len(server.log)) == (1, 0)

    def test_a_bundle_that_is_not_there_is_said(self) -> None:
        with open_client(variables={"REQUESTS_CA_BUNDLE": "/nowhere/ca.pem"}) as parts:
            assert "/nowhere/ca.pem" in str(failure(parts, list_request("https://127.0.0.1:9")))

    @pytest.mark.parametrize("behaviour", [hangs, drips(0.05)])
    def test_a_deadline_holds_over_tls(self, certificates: Path, behaviour: Behaviour) -> None:
        variables = {"REQUESTS_CA_BUNDLE": str(certificates / "good.pem")}
        with (
            FaultyServer(behaviour, tls=server_context(certificates, "good")) as server,
            open_client(variables=variables, timeout=0.5) as parts,
        ):
            started = time.monotonic()
            failure(parts, list_request(server.origin))
            assert time.monotonic() - started < 1.5

    @pytest.mark.parametrize("behaviour", [resets, closes])
    def test_a_connection_that_breaks_is_no_matter_of_trust(self, certificates: Path, behaviour: Behaviour) -> None:
        variables = {"REQUESTS_CA_BUNDLE": str(certificates / "good.pem")}
        with (
            FaultyServer(behaviour, tls=server_context(certificates, "good")) as server,
            open_client(variables=variables) as parts,
        ):
            error = failure(parts, create_request(server.origin))
            assert isinstance(error, NetworkError)
            assert error.sent
            assert str(error).startswith("no complete answer from 127.0.0.1: ")
            failure(parts, list_request(server.origin))
            assert len(server.log) == 1 + 3

    def test_a_server_that_speaks_no_tls_is_said(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener, open_client() as parts:

            def answer() -> None:
                connection, _ = listener.accept()
                with connection:
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

            threading.Thread(target=answer, daemon=True).start()
            error = failure(parts, create_request(f"https://127.0.0.1:{listener.getsockname()[1]}"))
            assert isinstance(error, NetworkError)
            assert not error.sent
            assert str(error).startswith("no TLS connection to 127.0.0.1: ")
