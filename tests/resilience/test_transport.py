"""Check faults of servers and networks end to end: a query is retried where that may help, a write is sent once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.resilience.faulty_server import (
    Behaviour,
    Exchange,
    FaultyServer,
    answers,
    answers_after_effect,
    closes,
    drips,
    hangs,
    hangs_after_effect,
    has_huge_header,
    hints_first,
    is_cut_off,
    is_slow,
    ok,
    packs,
    packs_badly,
    resets,
    resets_after_effect,
)
from tests.resilience.harness import INSERT, REVOKE, SELECT, Harness


@dataclass(frozen=True)
class Fault:
    """What a server does for ever, and what that means.

    `tries`: how often a query is sent. `read`: the words of a query's error; None: it succeeds. `write`: what a create's
    outcome is (`made`: delivered, `refused`, `unknown`); `orphan`: whether the server made a token all the same; `put_off`:
    whether a write is waited for and sent again.
    """

    behaviour: Behaviour
    tries: int
    read: str | None
    write: str
    orphan: bool = False
    arguments: tuple[str, ...] = ()
    put_off: bool = False


QUICK = ("--timeout", "1.5")
LATE = "no complete answer from 127.0.0.1 within 1.5 s"
AWAY = "http://localhost:{port}/api/2.0/token/list"
FAULTS: dict[str, Fault] = {
    "gzip bomb": Fault(packs(1, 64 * 2**20), 1, "the reply is larger than 33,554,432 bytes", "unknown", orphan=True),
    "gzip bomb in gzip": Fault(packs(2, 64 * 2**20), 1, "the reply is larger than", "unknown", orphan=True),
    "bad gzip": Fault(packs_badly, 1, "the reply of 127.0.0.1 cannot be decompressed", "unknown", orphan=True),
    "six encodings": Fault(packs(6), 1, "cannot be decompressed", "unknown", orphan=True),
    "good gzip": Fault(packs(1), 1, None, "made"),
    "huge header": Fault(has_huge_header, 3, "the answer is not valid HTTP", "unknown", orphan=True),
    "slow": Fault(is_slow(0.3), 1, None, "made"),
    "drip": Fault(drips(0.05), 1, LATE, "unknown", orphan=True, arguments=QUICK),
    "hang": Fault(hangs, 1, LATE, "unknown", arguments=QUICK),
    "hang after effect": Fault(hangs_after_effect, 1, LATE, "unknown", orphan=True, arguments=QUICK),
    "reset before effect": Fault(resets, 3, "no complete answer from 127.0.0.1: connection reset by peer", "unknown"),
    "reset after effect": Fault(resets_after_effect, 3, "connection reset by peer", "unknown", orphan=True),
    "closed": Fault(closes, 3, "the server closed the connection without an answer", "unknown"),
    "short body": Fault(is_cut_off, 3, "it ended too early", "unknown", orphan=True),
    "103 before it": Fault(hints_first(103), 1, None, "made"),
    "100, 102 and 103 before it": Fault(hints_first(100, 102, 103, 103), 1, None, "made"),
    "206": Fault(answers(206), 1, "answered with HTTP 206, which is not a whole answer", "unknown"),
    "206 after effect": Fault(answers_after_effect(206), 1, "HTTP 206, which is not a whole", "unknown", orphan=True),
    "an unknown object": Fault(answers(200, b'{"queued": 1}'), 1, "an object with 'queued'", "unknown"),
    "an error in 200": Fault(answers(200, b'{"message": "no"}'), 1, "no", "unknown"),
    "an error in 200 after effect": Fault(answers_after_effect(200, b'{"error": "x"}'), 1, "x", "unknown", orphan=True),
    "301": Fault(answers(301, Location=AWAY), 1, "redirects to localhost (HTTP 301); redirects are not", "refused"),
    "302": Fault(answers(302, Location=AWAY), 1, "redirects to localhost (HTTP 302)", "refused"),
    "303": Fault(answers(303, Location=AWAY), 1, "redirects to localhost (HTTP 303)", "refused"),
    "307": Fault(answers(307, Location=AWAY), 1, "redirects to localhost (HTTP 307)", "refused"),
    "308": Fault(answers(308, Location=AWAY), 1, "redirects to localhost (HTTP 308)", "refused"),
    "redirect to another host": Fault(
        answers(307, Location="https://evil.example/x"), 1, "redirects to evil.example", "refused"
    ),
    "redirect to plain http": Fault(
        answers(307, Location="http://dbc-1.cloud.databricks.com/"), 1, "redirects to dbc-1.cloud", "refused"
    ),
    "redirect to itself": Fault(answers(307, Location="/w/dbc-1/api/2.0/token/list"), 1, "redirects to /w/", "refused"),
    "redirect to a file": Fault(
        answers(302, Location="file:///etc/passwd"), 1, "redirects to file:///etc/passwd", "refused"
    ),
    "redirect nowhere": Fault(answers(302), 1, "redirects to nowhere", "refused"),
    "429": Fault(answers(429, b'{"error_code": "REQUEST_LIMIT_EXCEEDED"}'), 3, "(429 REQUEST_LIMIT", "refused", put_off=True),
    "429, wait 2 s": Fault(answers(429, Retry_After="2"), 3, "(429)", "refused", put_off=True),
    "429, wait until a date": Fault(answers(429, Retry_After=formatdate(0, usegmt=True)), 3, "(429)", "refused", put_off=True),
    "429, wait 11 days": Fault(answers(429, Retry_After="999999"), 1, "(429)", "refused"),
    "429, wait for what": Fault(answers(429, Retry_After="\u00b2 s"), 3, "(429)", "refused", put_off=True),
    "500": Fault(answers(500, b'{"error_code": "INTERNAL_ERROR"}'), 1, "(500 INTERNAL_ERROR)", "unknown"),
    "502": Fault(answers(502, b"<html>bad gateway</html>"), 3, "(502)", "unknown"),
    "503 in JSON": Fault(answers(503, b'{"error_code": "TEMPORARILY_UNAVAILABLE"}'), 3, "(503 TEMP", "unknown", put_off=True),
    "503, wait 1 s": Fault(answers(503, b"busy", Retry_After="1"), 3, "busy", "unknown", put_off=True),
    "503 in HTML": Fault(answers(503, b"<html><h1>busy</h1></html>"), 3, "busy", "unknown"),
    "503 after effect": Fault(answers_after_effect(503, b"<html>"), 3, "(503)", "unknown", orphan=True),
    "504": Fault(answers(504), 3, "(504)", "unknown"),
    "400": Fault(answers(400, b'{"message": "bad"}'), 1, "bad", "refused"),
    "403": Fault(answers(403, b'{"error_code":403,"message":"Invalid access token."}'), 1, "Invalid access", "refused"),
    "no HTTP": Fault(lambda exchange: exchange.write(b"220 mail.example ESMTP\r\n"), 3, "the answer is not valid HTTP", "unknown"),
}  # fmt: skip


def logged(harness: Harness) -> tuple[str, ...]:
    """Make every run of this file write the debug log, which the invariants inspect."""
    return "--log", str(harness.home / "tokensh.log")


@pytest.mark.parametrize("name", FAULTS)
class TestGet:
    def test_a_query_is_answered_or_is_one_error(self, name: str, harness: Harness, workspace: FaultyServer) -> None:
        fault = FAULTS[name]
        workspace.on("list", fault.behaviour)
        result = harness.run(*logged(harness), *fault.arguments, "-o", "json", "-c", SELECT)
        assert result.count_requests("GET") == len(result.requests) == fault.tries
        if fault.read is None:
            assert (result.status, json.loads(result.out)) == (0, [])
            return
        assert (result.status, result.out.strip() or "[]") == (1, "[]")
        assert fault.read in result.err, result.err
        assert result.err.count("error:") == 1

    def test_one_that_is_cured_by_another_try_is_a_success(
        self, name: str, harness: Harness, workspace: FaultyServer
    ) -> None:
        fault = FAULTS[name]
        workspace.on("list", fault.behaviour, ok)
        result = harness.run(*fault.arguments, "-c", SELECT)
        cured = fault.tries == 3 or fault.read is None
        assert result.status == (0 if cured else 1)
        assert result.count_requests("GET") == (2 if fault.tries == 3 else 1)


class TestPost:
    @pytest.mark.parametrize("name", FAULTS)
    def test_a_create_is_sent_once_and_its_token_delivered_or_named(
        self, name: str, harness: Harness, workspace: FaultyServer
    ) -> None:
        fault = FAULTS[name]
        workspace.on("create", fault.behaviour, ok)
        result = harness.run(*logged(harness), *fault.arguments, "-o", "json", "-c", INSERT)
        if fault.put_off:
            assert (result.status, result.count_requests("POST"), len(result.minted)) == (0, 2, 1)
            return
        assert (result.count_requests("POST"), len(result.minted)) == (1, fault.orphan or fault.write == "made")
        assert result.status == {"made": 0, "refused": 1, "unknown": 4}[fault.write]
        assert fault.write == "unknown" or harness.sleeps == []
        if fault.write == "unknown":
            assert "whether dbc-1 created the token is unknown" in result.err
            told = "its value is lost" if fault.orphan else "its list shows no new token now"
            assert told in result.err, result.err

    @pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if fault.put_off])
    def test_a_create_that_is_put_off_for_ever_is_given_up(
        self, name: str, harness: Harness, workspace: FaultyServer
    ) -> None:
        fault = FAULTS[name]
        workspace.on("create", fault.behaviour)
        result = harness.run(*fault.arguments, "--timeout", "300", "-c", INSERT)
        assert (result.count_requests("POST"), result.minted) == (6, [])
        assert result.status == {"refused": 1, "unknown": 4}[fault.write]

    @pytest.mark.parametrize("name", FAULTS)
    def test_a_revoke_is_repeated_if_its_answer_is_lost_or_puts_it_off(
        self, name: str, harness: Harness, workspace: FaultyServer
    ) -> None:
        fault = FAULTS[name]
        workspace.on("delete", fault.behaviour, ok)
        result = harness.run(*fault.arguments, "-c", REVOKE)
        repeated = fault.put_off or fault.write == "unknown"
        assert result.count_requests("POST") == len(result.requests) == 1 + repeated
        assert result.status == (0 if repeated else {"made": 0, "refused": 1}[fault.write])
        assert len(harness.sleeps) == repeated
        assert ("sending it again does no harm" in result.err) == (repeated and not fault.put_off)

    @pytest.mark.parametrize(
        "name", [name for name, fault in FAULTS.items() if fault.write == "unknown" or fault.put_off]
    )
    def test_a_revoke_whose_answers_are_lost_is_unknown_and_may_be_run_again(
        self, name: str, harness: Harness, workspace: FaultyServer
    ) -> None:
        fault = FAULTS[name]
        workspace.on("delete", fault.behaviour)
        result = harness.run("--timeout", "300", *fault.arguments, "-c", REVOKE)
        if fault.put_off:
            assert (result.count_requests("POST"), result.status) == (6, 1)
        else:
            assert (result.count_requests("POST"), result.status) == (2, 4)
            assert "whether it took effect in dbc-1 is unknown" in result.err
            assert "running it again does no harm" in result.err


class TestDown:
    @pytest.fixture
    def endpoint(self, harness: Harness) -> str:
        with FaultyServer() as server:
            harness.allowed_servers.append(server)
        return f"{server.origin}/w/{{deployment_name}}"

    def test_a_query_is_tried_three_times(self, endpoint: str, harness: Harness) -> None:
        result = harness.run(*logged(harness), "-c", SELECT, endpoint=endpoint)
        assert (result.status, len(harness.sleeps)) == (1, 2)
        assert "no connection to 127.0.0.1: connection refused" in result.err

    @pytest.mark.parametrize("statement", [INSERT, REVOKE], ids=["create", "revoke"])
    def test_a_write_has_had_no_effect(self, statement: str, endpoint: str, harness: Harness) -> None:
        result = harness.run(*logged(harness), "-c", statement, endpoint=endpoint)
        assert (result.status, harness.sleeps) == (1, [])
        assert "no connection to 127.0.0.1: connection refused" in result.err


@pytest.mark.parametrize(
    ("header", "sleeps"),
    [("2", [2.0, 2.0]), ("60", [60.0, 60.0]), ("61", []), ("0", [0.0, 0.0]), ("never", [0.3, 0.9])],
)
def test_a_server_is_given_the_time_it_asks_for_up_to_a_minute(
    header: str, sleeps: list[float], harness: Harness, workspace: FaultyServer
) -> None:
    workspace.on("list", answers(429, Retry_After=header))
    result = harness.run("--timeout", "300", "-c", SELECT)
    assert (result.status, harness.sleeps) == (1, sleeps)
    if header == "61":
        assert "wait 61 s" in result.err


# ---- what a server says of the credential


def _echo(exchange: Exchange, say: Callable[[str], bytes], status: int) -> None:
    said = exchange.request.headers["authorization"]
    exchange.reply(status, say(said), X_Request_Id=said.rpartition(" ")[2], Location=f"/{said}")


REFLECTED: dict[str, Callable[[str], bytes]] = {
    "JSON": lambda said: json.dumps({"error_code": said, "message": f"Invalid token {said}"}).encode(),
    "details": lambda said: json.dumps({"message": "x", "details": [{"request_id": said, "reason": said}]}).encode(),
    "HTML": lambda said: f"<html><pre>{said}</pre></html>".encode(),
    "text": lambda said: f"UNAUTHENTICATED: {said}".encode(),
    "hexadecimal": lambda said: f"bad header {said.encode().hex()}".encode(),
    "URL": lambda said: f"bad header {quote(said, safe='')}".encode(),
    "without Bearer": lambda said: f"bad token '{said.rpartition(' ')[2]}'".encode(),
    "in lines": lambda said: "\n".join(re.findall(".{1,7}", said)).encode(),
    "long before": lambda said: f"{'x' * 580} {said}".encode(),
    "type": lambda said: json.dumps({"token_infos": [{"creation_time": said}]}).encode(),
}


@pytest.mark.parametrize(
    ("name", "status", "statement"),
    # Every pair of two of them.
    [
        (name, status, statement)
        for i, name in enumerate(REFLECTED)
        for j, status in enumerate([200, 302, 400, 401, 403, 500, 503])
        for k, statement in enumerate([SELECT, INSERT, REVOKE])
        if (i + j + k) % 3 == 0
    ],
)
def test_a_server_that_repeats_the_credential_is_not_repeated(
    name: str, status: int, statement: str, harness: Harness, workspace: FaultyServer
) -> None:
    workspace.script = (lambda exchange: _echo(exchange, REFLECTED[name], status),)
    result = harness.run(*logged(harness), "-o", "json", "-c", statement)
    assert result.status in ((0, 1, 4) if status == 200 else (1, 4))  # that the credential is nowhere is an invariant


HOSTILE = "\x1b[31m\x1b]0;title\x07\x9b2J\u202e\u2028\x00\r\n"


@pytest.mark.parametrize("status", [400, 503])
@pytest.mark.parametrize("name", ["JSON", "HTML", "text"])
def test_what_a_server_says_does_not_act_on_a_terminal(
    name: str, status: int, harness: Harness, workspace: FaultyServer
) -> None:
    workspace.on("list", answers(status, REFLECTED[name](HOSTILE), X_Request_Id="\x1b[31m"))
    result = harness.run(*logged(harness), "-c", SELECT)
    assert result.status == 1
    assert r"\x1b[31m" in result.err


# ---- the log


class TestLog:
    def lines(self, harness: Harness) -> list[dict[str, str]]:
        text = (harness.home / "tokensh.log").read_text()
        pairs = (re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)', line) for line in text.splitlines())
        return [dict(line) for line in pairs]

    def test_each_try_is_a_line_that_tells_what_became_of_it(self, harness: Harness, workspace: FaultyServer) -> None:
        workspace.on("list", answers(503, X_Request_Id="r-1"), resets, ok)
        harness.run(*logged(harness), "-c", SELECT)
        assert harness.run(*logged(harness), "-o", "json", "-c", INSERT).status == 0
        first, second, third, create = self.lines(harness)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first["time"])
        assert first.items() >= {
            ("method", "GET"), ("host", f"127.0.0.1:{workspace.port}"), ("path", "/w/dbc-1/api/2.0/token/list"),
            ("attempt", "1"), ("status", "503"), ("sent", "0"), ("received", "2"), ("request_id", "r-1"),
        }  # fmt: skip
        assert second["attempt"] == "2"
        assert second["error"] == '"no complete answer from 127.0.0.1: connection reset by peer"'
        assert (third["attempt"], third["status"], third["received"]) == ("3", "200", "19")
        assert (create["method"], create["status"], create["attempt"]) == ("POST", "200", "1")
        assert int(create["sent"]) > 20
        assert int(create["received"]) > 200
        assert all(int(line["ms"]) >= 0 for line in (first, second, third, create))

    def test_what_is_given_up_is_said(self, harness: Harness, workspace: FaultyServer) -> None:
        workspace.on("list", hangs)
        assert harness.run(*logged(harness), "--timeout", "1.5", "-c", SELECT).status == 1
        (line,) = self.lines(harness)
        assert line["error"] == '"no complete answer from 127.0.0.1 within 1.5 s"'
        assert int(line["ms"]) >= 1500

    def test_a_symbolic_link_is_refused(self, harness: Harness, workspace: FaultyServer) -> None:
        target = harness.write_file("target", "")
        (harness.home / "tokensh.log").symlink_to(target)
        result = harness.run(*logged(harness), "-c", SELECT)
        assert (result.status, list(result.requests), target.read_text()) == (2, [], "")
        assert f"cannot write the log {harness.home / 'tokensh.log'}: it is a symbolic link" in result.err

    @pytest.mark.parametrize("name", ["no/such/folder", ""])
    def test_a_place_that_cannot_be_written_is_said_at_once(self, name: str, harness: Harness) -> None:
        result = harness.run("--log", str(harness.home / name), "-c", SELECT)
        assert (result.status, list(result.requests)) == (2, [])
        assert "cannot write the log" in result.err

    def test_a_log_that_is_there_is_taken_from_others(self, harness: Harness, workspace: FaultyServer) -> None:
        log = harness.write_file("tokensh.log", "time=first\n", mode=0o666)
        harness.own_files.remove(log)
        assert harness.run(*logged(harness), "-c", SELECT).status == 0
        assert self.lines(harness)[0]["time"] == "first"
        assert len(self.lines(harness)) == 2

    def test_a_full_disk_stops_nothing(self, harness: Harness) -> None:
        assert harness.run("--log", "/dev/full", "-o", "json", "-c", INSERT).status == 0


# ---- limits


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_reply_may_be_as_large_as_is_said(method: str, harness: Harness, workspace: FaultyServer) -> None:
    big = b"{" + b" " * 2**20 + b"}"
    workspace.on("list", answers(200, big))
    workspace.on("delete", answers(200, big))
    statement = SELECT if method == "GET" else REVOKE
    assert harness.run("--max-reply", "2M", "-c", statement).status == 0
    result = harness.run("--max-reply", "1M", "-c", statement)
    assert result.status == (1 if method == "GET" else 4)
    assert "the reply is larger than 1,048,576 bytes; it was not read to its end" in result.err
    if method == "GET":
        assert "hint: --max-reply allows for more" in result.err


@pytest.mark.parametrize("size", ["0", "-1", "x", "1T", "", "K", "1.5M", "12KK"])
def test_a_size_that_is_none_is_refused(size: str, harness: Harness) -> None:
    result = harness.run(f"--max-reply={size}", "-c", SELECT)
    assert (result.status, list(result.requests)) == (2, [])
    assert "expected bytes, such as 64M" in result.err


MEASURED = """
import sys
from pathlib import Path
from tokensh.cli.main import main
status = main(sys.argv[2:])
(peak,) = (line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
Path(sys.argv[1]).write_text(peak)
sys.exit(status)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc to read a process's memory from")
@pytest.mark.parametrize(("statement", "status"), [(SELECT, 1), (INSERT, 4)], ids=["GET", "POST"])
def test_a_bomb_takes_little_memory(statement: str, status: int, harness: Harness, workspace: FaultyServer) -> None:
    workspace.on("list" if statement is SELECT else "create", packs(1, 400 * 2**20), ok)
    peak = harness.write_file("peak", "")
    result = harness.run_installed("-c", statement, python=("-c", MEASURED, str(peak)))
    assert result.status == status
    assert "the reply is larger than" in result.err
    assert int(peak.read_text()) < 200 * 1024  # KiB


# ---- the environment


@pytest.mark.parametrize("statement", [SELECT, INSERT], ids=["GET", "POST"])
@pytest.mark.parametrize("host", ["machine 127.0.0.1", "default"])
def test_netrc_puts_no_other_credential_in(
    host: str, statement: str, harness: Harness, workspace: FaultyServer
) -> None:
    netrc = harness.write_file(".netrc", f"{host} login evil password evil-pass\n")
    result = harness.run_installed("-c", statement, variables={"NETRC": str(netrc)})
    assert result.status == 0
    assert {seen.headers["authorization"] for _, seen in result.requests} == {f"Bearer {harness.token}"}


@pytest.mark.parametrize(
    ("statement", "behaviour"),
    [
        *((statement, ok) for statement in (SELECT, INSERT, REVOKE, "SHOW METHODS IN user_tokens", "SELECT FROM")),
        (SELECT, answers(503)),
        (INSERT, resets),
    ],
)
def test_warnings_that_are_errors_find_nothing(
    statement: str, behaviour: Behaviour, harness: Harness, workspace: FaultyServer
) -> None:
    workspace.script = (behaviour,)
    result = harness.run_installed(
        *logged(harness), "-c", statement, python=("-W", "error", "-X", "dev", "-m", "tokensh")
    )
    assert result.status in (0, 1, 4)
    assert "Warning" not in result.err
