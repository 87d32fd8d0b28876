"""The log, faults, settings and clock of a sandbox can be used in process and over HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from tests.sandbox.client import WORKSPACE, Client
from tokensh.sandbox import Sandbox, start

LIST = f"/w/{WORKSPACE}/api/2.0/token/list"


def test_the_log_tells_what_was_asked(sandbox: Sandbox) -> None:
    with Client(sandbox) as client:
        client.send("GET", LIST + "?a=1")
        client.send("POST", f"/w/{WORKSPACE}/api/2.0/token/create", {"comment": "c"})
        client.send("GET", "/nothing")
    first, second, third = sandbox.log
    assert (first.method, first.path, first.target) == ("GET", "/api/2.0/token/list", LIST + "?a=1")
    assert (first.workspace, first.status, first.bearer) == (WORKSPACE, 200, True)
    assert first.authorization == f"Bearer {sandbox.token}"
    assert json.loads(second.body) == {"comment": "c"}
    assert (third.workspace, third.status) == ("", 404)
    assert [entry.ended is not None and entry.ended >= entry.started for entry in sandbox.log] == [True] * 3


def test_a_request_is_logged_while_it_waits(sandbox: Sandbox) -> None:
    sandbox.fault("*", delay=60)
    with Client(sandbox) as client:
        client.connection.request("GET", LIST)
        while not sandbox.log:
            time.sleep(0.005)
    assert (sandbox.log[0].status, sandbox.log[0].bearer) == (None, False)


def test_the_log_over_http_and_in_print_has_no_secret(sandbox: Sandbox) -> None:
    with Client(sandbox) as client:
        minted = client.call("POST", "create", {})["token_value"]
        client.token = minted
        client.count()
        status, raw = client.send("GET", "/__sandbox/log")
    assert status == 200
    assert [entry["status"] for entry in json.loads(raw)["requests"]] == [200, 200]
    for secret in (sandbox.token, minted):
        assert secret not in raw.decode() + repr(sandbox.log)


def test_nothing_is_printed(sandbox: Sandbox, capfd: pytest.CaptureFixture[str]) -> None:
    sandbox.fault("*", drop=True)
    with Client(sandbox) as client:
        with pytest.raises(ConnectionResetError):
            client.count()
        client.count()
    assert tuple(capfd.readouterr()) == ("", "")


def test_faults_over_http(sandbox: Sandbox) -> None:
    rule = {"pattern": "GET */token/list", "status": 503, "times": None}
    with Client(sandbox) as client:
        assert client.send("POST", "/__sandbox/fault", rule) == (200, b"{}")
        assert [client.send("GET", LIST)[0] for _ in range(2)] == [503, 503]
        assert client.send("DELETE", "/__sandbox/fault") == (200, b"{}")
        assert client.send("GET", LIST)[0] == 200
        assert client.send("POST", "/__sandbox/fault", {"pattern": ""})[0] == 400
        assert client.send("GET", "/__sandbox/other")[0] == 404


def test_settings_can_be_changed_while_it_runs(sandbox: Sandbox) -> None:
    with Client(sandbox) as client:
        status, raw = client.send("PATCH", "/__sandbox/settings", {"quota": 1, "empty_list": "null", "latency": 0.01})
        told = json.loads(raw)
        assert (status, told["quota"], told["empty_list"], told["latency"]) == (200, 1, "null", 0.01)
        assert json.loads(client.send("GET", "/__sandbox/settings")[1]) == told
        status, raw = client.send("POST", f"/w/{WORKSPACE}/api/2.0/token/create", {})
        assert (status, json.loads(raw)["error_code"]) == (400, "QUOTA_EXCEEDED")


@pytest.mark.parametrize(
    "given",
    [{"quota": "many"}, {"quota": -1}, {"latency": True}, {"obo": 1}, {"empty_list": "none"}, {"tokens": 5}, {"x": 1}],
    ids=repr,
)
def test_a_setting_that_is_wrong_changes_none(given: dict[str, object], sandbox: Sandbox) -> None:
    with Client(sandbox) as client:
        assert client.send("PATCH", "/__sandbox/settings", {"eventual": True, **given})[0] == 400
    assert sandbox.state.settings.eventual is False


def test_time_is_advanced_over_http(sandbox: Sandbox) -> None:
    with Client(sandbox) as client:
        client.token = client.call("POST", "create", {"lifetime_seconds": 60})["token_value"]
        assert client.send("POST", "/__sandbox/advance", {"seconds": 61}) == (200, b"{}")
        assert client.send("GET", LIST)[0] == 403
        assert client.send("POST", "/__sandbox/advance", {"seconds": "soon"})[0] == 400


def test_the_log_can_be_forgotten(sandbox: Sandbox) -> None:
    with Client(sandbox) as client:
        client.count()
        assert client.send("DELETE", "/__sandbox/log") == (200, b"{}")
    assert sandbox.log == []


@pytest.mark.parametrize(
    ("form", "expected"), [("absent", {}), ("null", {"token_infos": None}), ("array", {"token_infos": []})]
)
def test_an_empty_list_comes_in_each_of_its_forms(form: str, expected: object) -> None:
    with start(any_workspace=True, empty_list=form) as sandbox, Client(sandbox) as client:
        assert json.loads(client.send("GET", "/w/dbc-new/api/2.0/token/list")[1]) == expected


def test_tokens_that_nobody_uses_are_gone_after_a_time() -> None:
    with start(idle_days=90) as sandbox, Client(sandbox) as client:
        comments = {row.get("comment") for row in client.call("GET", "list")["token_infos"]}
        assert "terraform ci" in comments  # used yesterday
        assert "nightly export" not in comments  # 111 days ago
        client.token = client.call("POST", "create", {})["token_value"]
        sandbox.advance(80 * 86400)
        assert client.send("GET", LIST)[0] == 200
        sandbox.advance(80 * 86400)
        assert client.send("GET", LIST)[0] == 200
        sandbox.advance(91 * 86400)
        assert client.send("GET", LIST)[0] == 403


def test_a_token_minted_with_a_token_is_its_minter_s(sandbox: Sandbox) -> None:
    with Client(sandbox) as client:
        client.token = sandbox.user_token
        minted = client.call("POST", "create", {"comment": "mine"})["token_value"]
        client.token = minted
        assert "mine" in {row.get("comment") for row in client.call("GET", "list")["token_infos"]}
        me = json.loads(client.send("GET", f"/w/{WORKSPACE}/api/2.0/preview/scim/v2/Me")[1])
        assert me["userName"] == "ed@example.com"
        client.token = sandbox.token
        assert "mine" not in {row.get("comment") for row in client.call("GET", "list")["token_infos"]}


def test_faults_in_process_count_their_hits(sandbox: Sandbox) -> None:
    rule = sandbox.fault("*/token/*", status=500, times=5)
    with Client(sandbox) as client:
        assert client.send("GET", LIST)[0] == 500
        sandbox.clear_faults()
        assert client.send("GET", LIST)[0] == 200
    assert rule.hits == 1


def test_a_misspelt_fault_or_setting_is_no_silence(sandbox: Sandbox) -> None:
    with pytest.raises(TypeError):
        sandbox.fault("*", statsu=500)
    with pytest.raises(TypeError):
        start(token=5)


def test_each_credential_is_somebody_else(sandbox: Sandbox) -> None:
    path = f"/w/{WORKSPACE}/api/2.0/preview/scim/v2/Me"
    names = []
    with Client(sandbox) as client:
        for token in (sandbox.token, sandbox.user_token, sandbox.guest_token):
            client.token = token
            names.append(json.loads(client.send("GET", path)[1])["userName"])
    assert names == ["ada@example.com", "ed@example.com", "gus@example.com"]


def test_time_can_be_advanced(sandbox: Sandbox) -> None:
    with Client(sandbox) as client:
        client.token = client.call("POST", "create", {"lifetime_seconds": 60})["token_value"]
        assert client.send("GET", LIST)[0] == 200
        sandbox.advance(61)
        assert client.send("GET", LIST)[0] == 403


def test_latency_holds_each_request_up() -> None:
    with start(latency=0.05) as sandbox, Client(sandbox) as client:
        client.count()
    [entry] = sandbox.log
    assert entry.ended is not None
    assert entry.ended - entry.started >= 0.05


def test_the_template_leads_to_a_workspace(sandbox: Sandbox) -> None:
    assert sandbox.endpoint == f"{sandbox.origin}/w/{{deployment_name}}"
    assert sandbox.origin == f"http://127.0.0.1:{sandbox.port}"


def test_importing_the_sandbox_is_cheap() -> None:
    """No HTTP server is imported before one is started."""
    code = "import sys, tokensh.sandbox; sys.exit('http.server' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
