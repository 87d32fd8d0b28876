"""Clients that know nothing but a host reach a workspace: at `/`, or by the name in the Host header."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest

from tests.sandbox.client import WORKSPACE
from tokensh.errors import InterfaceError
from tokensh.sandbox import Sandbox, start
from tokensh.sandbox.state import fingerprint

NUMBER = str(int(fingerprint(WORKSPACE)[:13], 16))


@dataclass(frozen=True)
class Recorded:
    """A request, and the status that the API answers."""

    method: str
    target: str
    body: str
    status: int


def read_requests() -> Iterator[Recorded]:
    for line in Path(__file__).with_name("go_requests.txt").read_text().splitlines():
        if not line.startswith("#"):
            call, body, status = (part.strip() for part in line.split("|"))
            method, target = call.split()
            yield Recorded(method, target, body, int(status))


REQUESTS = list(read_requests())


@pytest.fixture(params=["at the root", "by its host name"])
def connection(request: pytest.FixtureRequest) -> Iterator[tuple[HTTPConnection, Sandbox, str]]:
    """Yield a connection that is kept alive, its sandbox, and the Host header that the client sends."""
    at_root = request.param == "at the root"
    with start(root=WORKSPACE.upper() if at_root else "") as sandbox:
        opened = HTTPConnection("127.0.0.1", sandbox.port, timeout=10)
        yield opened, sandbox, f"{'127.0.0.1' if at_root else WORKSPACE + '.localhost'}:{sandbox.port}"
        opened.close()


def send(connection: HTTPConnection, recorded: Recorded, headers: dict[str, str]) -> tuple[HTTPResponse, bytes]:
    """Send a request as Go's client does: a form in chunks, JSON with its length."""
    is_form = not recorded.body.startswith("{")
    headers = {
        "User-Agent": "cli/1.9.0 databricks-sdk-go/0.160.0 go/1.24 os/linux",
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        **({"Content-Type": "application/x-www-form-urlencoded" if is_form else "application/json"} if recorded.body else {}),
        **headers,
    }  # fmt: skip
    body = recorded.body.encode()
    half = len(body) // 2
    content = iter([body[:half], body[half:]]) if body and is_form else body or None
    connection.request(recorded.method, recorded.target, content, headers, encode_chunked=bool(body) and is_form)
    response = connection.getresponse()
    return response, response.read()


def test_the_requests_of_the_databricks_cli_are_answered(connection: tuple[HTTPConnection, Sandbox, str]) -> None:
    opened, sandbox, host = connection
    assert len(REQUESTS) == 15
    basic = b64encode(f"{sandbox.client_id}:{sandbox.client_secret}".encode()).decode()
    for recorded in REQUESTS:
        is_oidc = recorded.target.startswith(("/oidc/", "/.well-known/"))
        credential = f"Basic {basic}" if recorded.target == "/oidc/v1/token" else f"Bearer {sandbox.token}"
        headers = {"Host": host} | ({} if is_oidc else {"X-Databricks-Workspace-Id": NUMBER})
        if not is_oidc or recorded.method == "POST":
            headers["Authorization"] = credential
        response, content = send(opened, recorded, headers)
        assert response.status == recorded.status, (recorded, content)
        assert response.headers["X-Databricks-Org-Id"] == NUMBER
        assert isinstance(json.loads(content), dict)
    sent = [(entry.workspace, entry.target) for entry in sandbox.log]
    assert sent == [(WORKSPACE, recorded.target) for recorded in REQUESTS]


def test_discovery_leads_to_a_token_that_signs(connection: tuple[HTTPConnection, Sandbox, str]) -> None:
    opened, sandbox, host = connection
    _, content = send(opened, Recorded("GET", "/.well-known/databricks-config", "", 200), {"Host": host})
    config = json.loads(content)
    assert (config["host_type"], config["workspace_id"]) == ("workspace", NUMBER)
    assert config["oidc_endpoint"] == f"http://{host}/oidc"
    _, content = send(opened, Recorded("GET", "/oidc/.well-known/oauth-authorization-server", "", 200), {"Host": host})
    assert json.loads(content)["token_endpoint"] == f"http://{host}/oidc/v1/token"
    basic = b64encode(f"{sandbox.client_id}:{sandbox.client_secret}".encode()).decode()
    form = Recorded("POST", "/oidc/v1/token", "grant_type=client_credentials", 200)
    _, content = send(opened, form, {"Host": host, "Authorization": f"Basic {basic}"})
    bearer = f"Bearer {json.loads(content)['access_token']}"
    me = Recorded("GET", "/api/2.0/preview/scim/v2/Me", "", 200)
    _, content = send(opened, me, {"Host": host, "Authorization": bearer})
    assert json.loads(content)["userName"] == sandbox.client_id


def test_the_account_shares_the_root() -> None:
    with start(root=WORKSPACE) as sandbox:
        opened = HTTPConnection("127.0.0.1", sandbox.port, timeout=10)
        listing = Recorded("GET", f"/api/2.0/accounts/{sandbox.account_id}/workspaces", "", 200)
        response, content = send(opened, listing, {"Authorization": f"Bearer {sandbox.token}"})
        opened.close()
    assert response.status == 200
    assert len(json.loads(content)) == 3


def test_the_path_says_more_than_the_host(sandbox: Sandbox) -> None:
    opened = HTTPConnection("127.0.0.1", sandbox.port, timeout=10)
    target = f"/w/{WORKSPACE}/api/2.0/token/list"
    headers = {"Host": "dbc-bcde1234-b2cd.localhost", "Authorization": f"Bearer {sandbox.token}"}
    response, _ = send(opened, Recorded("GET", target, "", 200), headers)
    opened.close()
    assert response.headers["X-Databricks-Org-Id"] == NUMBER


def test_a_refusal_names_the_workspace_too(sandbox: Sandbox) -> None:
    opened = HTTPConnection("127.0.0.1", sandbox.port, timeout=10)
    response, _ = send(opened, Recorded("GET", f"/w/{WORKSPACE}/api/2.0/token/list", "", 401), {})
    opened.close()
    assert (response.status, response.headers["X-Databricks-Org-Id"]) == (401, NUMBER)


@pytest.mark.parametrize(("target", "status"), [(f"/w/{WORKSPACE}/api/2.0/token/list", 200), ("/nothing", 404)])
def test_head_is_get_without_a_body(target: str, status: int, sandbox: Sandbox) -> None:
    opened = HTTPConnection("127.0.0.1", sandbox.port, timeout=10)
    bearer = {"Authorization": f"Bearer {sandbox.token}"}
    lengths = []
    for method in ("GET", "HEAD", "HEAD", "GET"):
        response, content = send(opened, Recorded(method, target, "", status), bearer)
        assert response.status == status
        assert len(content) == (0 if method == "HEAD" else int(response.headers["Content-Length"]))
        lengths.append(response.headers["Content-Length"])
    opened.close()
    assert len(set(lengths)) == 1
    assert [entry.method for entry in sandbox.log] == ["GET", "HEAD", "HEAD", "GET"]


@pytest.mark.parametrize(("method", "status"), [("OPTIONS", 501), ("TRACE", 501), ("BREW", 501)])
def test_what_http_server_refuses_is_json(method: str, status: int, sandbox: Sandbox) -> None:
    opened = HTTPConnection("127.0.0.1", sandbox.port, timeout=10)
    response, content = send(opened, Recorded(method, "/", "", status), {})
    opened.close()
    assert response.status == status
    assert json.loads(content)["error_code"] == "ENDPOINT_NOT_FOUND"


@pytest.mark.parametrize("root", ["dbc-nowhere", "a.b", "/"])
def test_the_root_must_be_a_workspace(root: str) -> None:
    with pytest.raises(InterfaceError, match="no such workspace") as caught:
        start(root=root)
    assert "dbc-abcd0123-a1bc" in str(caught.value.hint)


def test_any_workspace_may_be_the_root() -> None:
    with start(root="dbc-new", any_workspace=True) as sandbox:
        assert sandbox.state.has_workspace("dbc-new")
