"""Check that proxies are used for HTTPS, only for a tunnel, and see neither the credential nor the content."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.resilience.certificates import REAL, server_context
from tests.resilience.faulty_server import (
    Behaviour,
    FaultyServer,
    answers,
    closes,
    drips,
    hangs,
    has_huge_header,
    resets,
    tunnels,
)
from tests.resilience.harness import INSERT, REVOKE, SELECT, Harness

STATEMENTS = pytest.mark.parametrize("statement", [SELECT, INSERT, REVOKE], ids=["GET", "create", "revoke"])


@dataclass(frozen=True)
class Network:
    """A proxy, and behind it the server of a workspace's real host; `variables` trust its certificate."""

    proxy: FaultyServer
    server: FaultyServer
    variables: dict[str, str]


@pytest.fixture
def network(harness: Harness, certificates: Path) -> Iterator[Network]:
    with (
        FaultyServer(tls=server_context(certificates, "real"), app=harness.tokens) as server,
        FaultyServer(tunnels(server)) as proxy,
    ):
        harness.allowed_servers += [proxy, server]
        yield Network(proxy, server, {"REQUESTS_CA_BUNDLE": str(certificates / "real.pem")})


@STATEMENTS
class TestHonoured:
    @pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
    def test_it_is_asked_for_a_tunnel_to_the_one_host(
        self, name: str, statement: str, harness: Harness, network: Network
    ) -> None:
        result = harness.run("-c", statement, endpoint="", variables={**network.variables, name: network.proxy.origin})
        assert result.status == 0
        assert [(seen.method, seen.path) for seen in network.proxy.log] == [("CONNECT", f"{REAL}:443")]
        assert len(network.server.log) == 1
        assert "authorization" not in network.proxy.log[0].headers
        assert harness.token not in str(network.proxy.log)

    def test_a_proxys_own_password_goes_to_the_proxy_alone(
        self, statement: str, harness: Harness, network: Network
    ) -> None:
        secret = "pr0xy-p4ssw0rd~"
        harness.secrets.append(secret)
        address = network.proxy.origin.replace("://", f"://user:{secret}@")
        result = harness.run("-c", statement, endpoint="", variables={**network.variables, "HTTPS_PROXY": address})
        assert result.status == 0
        given = base64.b64encode(f"user:{secret}".encode()).decode()
        assert network.proxy.log[0].headers["proxy-authorization"] == f"Basic {given}"
        assert "proxy-authorization" not in network.server.log[0].headers
        network.proxy.script = (answers(407, f"Basic {given} {secret} is wrong".encode()),)
        assert harness.run("-c", statement, endpoint="", variables={"HTTPS_PROXY": address}).status == 1


class TestNotUsed:
    @pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])
    @STATEMENTS
    def test_for_loopback(self, name: str, statement: str, harness: Harness, other: FaultyServer) -> None:
        assert harness.run("-c", statement, variables={name: other.origin}).status == 0

    @pytest.mark.parametrize("scheme", ["socks5", "socks4", "SOCKS5H"])
    @STATEMENTS
    def test_of_a_kind_whose_connections_cannot_be_watched(
        self, scheme: str, statement: str, harness: Harness, other: FaultyServer
    ) -> None:
        given = {"HTTPS_PROXY": f"{scheme}://127.0.0.1:{other.port}"}
        result = harness.run("-c", statement, endpoint="", variables=given)
        assert (result.status, [event for event, _ in result.events if event.startswith("socket.")]) == (2, [])
        assert "a SOCKS proxy cannot be used" in result.err


FAULTS: dict[str, tuple[Behaviour, int, str]] = {
    "refused": (answers(403, b"<html>no</html>"), 1, "it answered 403"),
    "asks who": (answers(407), 1, "it answered 407"),
    "bad gateway": (answers(502), 3, "it answered 502"),
    "redirects": (answers(302, Location="http://evil.example"), 1, "it answered 302"),
    "resets": (resets, 3, "no connection to {}"),
    "closes": (closes, 3, "no connection to {}"),
    "huge header": (has_huge_header, 3, "no connection to {}"),
    "hangs": (hangs, 1, "no connection to {} within 1.5 s"),
    "drips": (drips(0.1), 1, "no connection to {} within 1.5 s"),
}  # fmt: skip


@STATEMENTS
@pytest.mark.parametrize("name", FAULTS)
def test_what_a_proxy_does_wrong_has_no_effect_on_the_workspace(
    name: str, statement: str, harness: Harness, network: Network
) -> None:
    behaviour, tries, message = FAULTS[name]
    network.proxy.script = (behaviour,)
    given = {**network.variables, "HTTPS_PROXY": network.proxy.origin}
    quick = ("--timeout", "1.5") if name in ("hangs", "drips") else ()
    result = harness.run(*quick, "-c", statement, endpoint="", variables=given)
    assert (result.status, network.server.connections) == (1, 0)
    # A machine under load may not have reached the proxy when the time is over.
    assert len(network.proxy.log) in ({0, 1} if quick else {tries if statement is SELECT else 1})
    assert message.format(REAL) in result.err, result.err
    assert "unknown" not in result.err


def test_a_proxy_that_is_down_is_said(harness: Harness) -> None:
    with FaultyServer() as proxy:
        harness.allowed_servers.append(proxy)
    result = harness.run("-c", INSERT, endpoint="", variables={"HTTPS_PROXY": proxy.origin})
    assert result.status == 1
    assert f"no connection to {REAL} through the proxy 127.0.0.1:{proxy.port}: connection refused" in result.err


@pytest.mark.parametrize(
    "address",
    ["not a url", "http://", "ftp://127.0.0.1:1", "http://127.0.0.1:99999", "http://[::1", "http://u:s3cret-pw@h:x"],
)
@STATEMENTS
def test_an_address_that_is_none_is_said_without_it(address: str, statement: str, harness: Harness) -> None:
    result = harness.run("-c", statement, endpoint="", variables={"HTTPS_PROXY": address})
    assert (result.status, [event for event, _ in result.events if event.startswith("socket.")]) == (2, [])
    assert "error: invalid proxy address in HTTPS_PROXY" in result.err
    assert address == "http://" or address not in result.err


def test_an_address_without_a_scheme_is_taken_for_http(harness: Harness, network: Network) -> None:
    given = {**network.variables, "HTTPS_PROXY": f"127.0.0.1:{network.proxy.port}"}
    assert harness.run("-c", SELECT, endpoint="", variables=given).status == 0


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (407, "hint: the proxy's user and password go into HTTPS_PROXY: http://USER:PASSWORD@HOST:PORT"),
        (403, "hint: the proxy does not let this host through: its administrator may"),
        (418, "hint: HTTPS_PROXY names the proxy"),
    ],
)
@STATEMENTS
def test_a_proxy_that_refuses_is_named_with_status_and_what_to_do(
    status: int, words: str, statement: str, harness: Harness, network: Network
) -> None:
    network.proxy.script = (answers(status),)
    address = f"127.0.0.1:{network.proxy.port}"
    given = {**network.variables, "HTTPS_PROXY": f"http://user:s3cret-pw@{address}"}
    result = harness.run("-c", statement, endpoint="", variables=given)
    assert f"no connection to {REAL} through the proxy {address}: it answered {status}" in result.err
    assert words in result.err
    assert "s3cret-pw" not in result.err
