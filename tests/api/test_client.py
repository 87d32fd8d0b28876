"""Check what the client sends, over mocked connections: headers, bodies, retries, and the address that it checks."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

import pytest
import responses
from requests import PreparedRequest

from tests.cases import each_case
from tests.resilience.client_bench import (
    CREATE,
    LIST,
    TOKEN,
    FakeCredential,
    create_request,
    list_request,
    open_client,
    target_of,
)
from tokensh import __version__
from tokensh.api.client import Client
from tokensh.api.hosts import Target
from tokensh.api.request import Json, Request
from tokensh.errors import ApiError, CredentialError, DataError, Error, HostError, InterfaceError, NetworkError
from tokensh.sandbox import start

ORIGIN = "https://dbc-1.cloud.databricks.com"
TOKEN_ENDPOINT = f"{ORIGIN}/oidc/v1/token"


def request_of(mocked: responses.RequestsMock, index: int = 0) -> PreparedRequest:
    request = mocked.calls[index].request
    assert isinstance(request, PreparedRequest)
    return request


class TestWhatIsSent:
    def test_a_listing(self) -> None:
        with responses.RequestsMock() as mocked, open_client() as parts:
            mocked.get(ORIGIN + LIST, json={})
            parts.client.send(list_request(ORIGIN))
            sent = request_of(mocked)
        assert sent.body is None
        assert dict(sent.headers) == {
            "User-Agent": sent.headers["User-Agent"],
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "Authorization": f"Bearer {TOKEN}",
        }

    def test_the_user_agent_says_who_asks(self) -> None:
        with responses.RequestsMock() as mocked, open_client(credential=FakeCredential(kind="oauth-m2m")) as parts:
            mocked.get(ORIGIN + LIST, json={})
            parts.client.send(list_request(ORIGIN))
            agent = request_of(mocked).headers["User-Agent"]
        version = re.escape(__version__)
        assert re.fullmatch(rf"tokensh/{version} python/3\.\d+\.\d+ os/[a-z]+ auth/oauth-m2m", agent)

    @pytest.mark.parametrize("body", [{}, {"comment": "é\n\ud800", "lifetime_seconds": 2**62, "x": [None, True, 1.5]}])
    def test_a_body_is_json(self, body: Mapping[str, Json]) -> None:
        with responses.RequestsMock() as mocked, open_client() as parts:
            mocked.post(ORIGIN + CREATE, json={})
            parts.client.send(Request("POST", target_of(ORIGIN), CREATE, body=body))
            sent = request_of(mocked)
        assert sent.headers["Content-Type"] == "application/json"
        assert isinstance(sent.body, bytes)
        assert json.loads(sent.body) == body

    @pytest.mark.parametrize("number", [float("inf"), float("nan")])
    def test_a_number_that_json_cannot_say_is_an_error(self, number: float) -> None:
        with open_client() as parts, pytest.raises(DataError):
            parts.client.send(Request("POST", target_of(ORIGIN), CREATE, body={"lifetime_seconds": number}))

    def test_a_query(self) -> None:
        with responses.RequestsMock() as mocked, open_client() as parts:
            mocked.get(ORIGIN + LIST, json={})
            parts.client.send(Request("GET", target_of(ORIGIN), LIST, query=(("a", "1 ü"), ("b", "&="))))
            url = request_of(mocked).url
        assert url in (f"{ORIGIN}{LIST}?a=1+%C3%BC&b=%26%3D", f"{ORIGIN}{LIST}?a=1%20%C3%BC&b=%26%3D")


@each_case(
    "request_",
    [
        Request("GET", Target("https", "evil.example/#", None, "", "x"), LIST),
        Request("GET", Target("https", "evil.example?", None, "", "x"), LIST),
        Request("GET", Target("https", "u:p@evil.example", None, "", "x"), LIST),
        Request("GET", Target("https", "evil.example\\", None, "", "x"), LIST),
        Request("GET", Target("https", "a b", None, "", "x"), LIST),
        Request("GET", Target("http", "evil.example", None, "", "x"), LIST),
        Request("GET", Target("ftp", "evil.example", None, "", "x"), LIST),
        Request("GET", Target("https", "x.databricks.com", None, "", "x"), "/a?b"),
        Request("GET", Target("https", "x.databricks.com", None, "", "x"), "/a b"),
        Request("GET", Target("https", "x.databricks.com", None, "", "x"), "/%7Eme"),
    ],
    ids=lambda request: f"{request.target.host} {request.path}",
)
def test_an_address_that_became_another_is_not_asked(request_: Request) -> None:
    """The host rule refuses these earlier; the client would not send them either."""
    with responses.RequestsMock() as mocked, open_client() as parts:
        with pytest.raises(HostError):
            parts.client.send(request_)
        assert len(mocked.calls) == parts.client.requests_sent == 0


class TestCredential:
    @each_case("token", ["", "dapi 1234567", "dapi1234567\n", "dapi1234567\r\nX: 1", "dapi1234567é", "\0" * 9])
    def test_a_token_that_is_none_is_not_sent_and_not_shown(self, token: str) -> None:
        with responses.RequestsMock() as mocked, open_client(credential=FakeCredential([token])) as parts:
            with pytest.raises(CredentialError) as caught:
                parts.client.send(list_request(ORIGIN))
            assert len(mocked.calls) == 0
        assert str(caught.value).startswith(f"the token from the test is unusable: {len(token)} characters")
        assert "dapi" not in repr(caught.value)

    def test_there_may_be_none(self) -> None:
        class Lacking(FakeCredential):
            def for_target(self, target: Target) -> FakeCredential:
                raise CredentialError(f"no credential for {target.host}")

        with open_client(credential=Lacking()) as parts:
            (outcome,) = parts.client.fetch([list_request(ORIGIN)])
        assert isinstance(outcome, CredentialError)

    def test_a_reflected_token_is_hidden(self) -> None:
        with responses.RequestsMock() as mocked, open_client(credential=FakeCredential(["a-strange-token"])) as parts:
            mocked.get(ORIGIN + LIST, status=403, json={"error_code": "X", "message": "Invalid a-strange-token"})
            with pytest.raises(ApiError) as caught:
                parts.client.send(list_request(ORIGIN))
        assert "a-strange-token" not in str(caught.value)


class TestFetchJson:
    def test_a_form_with_basic_authentication(self) -> None:
        with responses.RequestsMock() as mocked, open_client() as parts:
            mocked.post(TOKEN_ENDPOINT, json={"access_token": "x"})
            form = {"grant_type": "client_credentials", "scope": "all-apis"}
            answer = parts.client.fetch_json("POST", TOKEN_ENDPOINT, form=form, basic=("id", "secret"))
            sent = request_of(mocked)
        assert answer == {"access_token": "x"}
        assert sent.headers["Authorization"] == "Basic aWQ6c2VjcmV0"
        assert sent.headers["Content-Type"] == "application/x-www-form-urlencoded"
        assert sent.body == b"grant_type=client_credentials&scope=all-apis"

    def test_no_credential_of_ours_goes_along(self) -> None:
        with responses.RequestsMock() as mocked, open_client() as parts:
            mocked.get(TOKEN_ENDPOINT, json=[1])
            assert parts.client.fetch_json("GET", TOKEN_ENDPOINT) == [1]
            assert "Authorization" not in request_of(mocked).headers

    def test_an_error_is_the_api_s(self) -> None:
        with responses.RequestsMock() as mocked, open_client() as parts:
            mocked.post(TOKEN_ENDPOINT, status=401, json={"error": "invalid_client"})
            with pytest.raises(ApiError):
                parts.client.fetch_json("POST", TOKEN_ENDPOINT, form={})

    @each_case("url", ["http://evil.example/t", "https://u@evil.example/t", "file:///etc/passwd", "", "x"])
    def test_it_goes_nowhere_unsafe(self, url: str) -> None:
        with responses.RequestsMock(), open_client() as parts, pytest.raises(HostError):
            parts.client.fetch_json("POST", url, form={"client_secret": "s"})

    def test_a_credential_may_ask_while_its_request_waits(self) -> None:
        """The OAuth token of a host is fetched in the thread of the request that needs it."""
        clients: list[Client] = []

        class Fetching(FakeCredential):
            def get_token(self) -> str:
                answer: Any = clients[0].fetch_json("POST", TOKEN_ENDPOINT, form={})
                return str(answer["access_token"])

        with responses.RequestsMock() as mocked, open_client(credential=Fetching()) as parts:
            clients.append(parts.client)
            mocked.post(TOKEN_ENDPOINT, json={"access_token": "fresh-token"})
            mocked.post(ORIGIN + CREATE, json={})
            parts.client.send(create_request(ORIGIN))
            assert request_of(mocked, 1).headers["Authorization"] == "Bearer fresh-token"


def test_a_credential_that_takes_too_long_does_not_outlast_the_deadline() -> None:
    over = threading.Event()

    class Slow(FakeCredential):
        def get_token(self) -> str:
            over.wait(5)
            return TOKEN

    with responses.RequestsMock() as mocked, open_client(credential=Slow(), create_timeout=0.1) as parts:
        with pytest.raises(NetworkError, match=r"no connection to dbc-1\.cloud\.databricks\.com within 0\.1 s"):
            parts.client.send(create_request(ORIGIN))
        over.set()
        time.sleep(0.05)
        assert len(mocked.calls) == 0


@each_case(
    "settings",
    [
        {"max_connections": 0},
        {"max_connections": 65},
        {"timeout": 0},
        {"create_timeout": -1},
        {"create_timeout": float("nan")},
        {"timeout": float("inf")},
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(InterfaceError), open_client(**settings):
        pass


def test_a_closed_client_connects_anew() -> None:
    with start() as sandbox, open_client(credential=FakeCredential([sandbox.token])) as parts:
        request = list_request(f"http://127.0.0.1:{sandbox.port}/w/dbc-abcd0123-a1bc")
        for _ in range(2):
            parts.client.send(request)
            parts.client.close()
        assert parts.client.requests_sent == 2


def test_a_workspace_answers_with_its_tokens() -> None:
    with start() as sandbox, open_client(credential=FakeCredential([sandbox.token])) as parts:
        names = ("dbc-abcd0123-a1bc", "dbc-bcde1234-b2cd", "dbc-cdef2345-c3de")
        requests = [list_request(f"http://127.0.0.1:{sandbox.port}/w/{name}") for name in names]
        replies = list(parts.client.fetch(requests))
        assert all(not isinstance(reply, Error) and reply.status == 200 for reply in replies)


@pytest.mark.parametrize(
    ("more", "loaded"),
    [("", "False"), ("client.import_in_background(); [t.join() for t in threading.enumerate() if t.daemon]", "True")],
)
def test_requests_is_imported_late_or_ahead_of_time(more: str, loaded: str) -> None:
    script = f"""
import sys, threading
from tests.resilience.client_bench import open_client
with open_client() as parts:
    client = parts.client
    {more}
    print("requests" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == loaded
