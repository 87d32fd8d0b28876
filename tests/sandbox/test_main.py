"""`python -m tokensh.sandbox` serves, prints its credentials and refuses wrong options."""

from __future__ import annotations

import signal
import subprocess
import sys
import urllib.request

import pytest

from tokensh.sandbox import Sandbox
from tokensh.sandbox.__main__ import main


def test_it_prints_endpoint_and_token_serves_and_leaves_quietly() -> None:
    command = [sys.executable, "-m", "tokensh.sandbox", "--any-workspace", "--tokens", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        endpoint, token = (process.stdout.readline().split() for _ in range(2))
        url = endpoint[1].replace("{deployment_name}", "dbc-new") + "/api/2.0/token/list"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token[1]}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.read().count(b"token_id") == 3
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=10)
    assert (endpoint[0], token[0]) == ("endpoint", "token")
    assert (process.returncode, rest) == (0, ("", ""))


def test_it_prints_everybody_s_credentials_where_asked_to() -> None:
    command = [sys.executable, "-m", "tokensh.sandbox", "--credentials"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = dict(process.stdout.readline().split() for _ in range(7))
        process.send_signal(signal.SIGINT)
    assert list(told) == [
        "endpoint", "token", "user_token", "guest_token", "client_id", "client_secret", "account_id",
    ]  # fmt: skip


def test_a_port_in_use_is_one_clear_error(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--port", str(sandbox.port)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"error: the sandbox cannot listen on 127.0.0.1:{sandbox.port}: ")
    assert "Traceback" not in shown.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--host", "0.0.0.0"],
        ["--port", "x"],
        ["--tokens", "-1"],
        ["--latency", "nan"],
        ["--max-lifetime-days", "731"],
        ["--clock-offset", "inf"],
        ["--default-lifetime-days", "731"],
    ],
)
def test_bad_options_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert arguments[0] in capsys.readouterr().err


def test_help_tells_of_each_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    shown = capsys.readouterr().out
    for option in ("--port", "--tokens", "--latency", "--clock-offset", "--quota", "--max-lifetime-days", "--eventual"):
        assert option in shown
    assert "/__sandbox/fault" in shown
