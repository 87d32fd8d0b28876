"""Check that a server with an untrusted certificate gets no request, and that no option trusts it all the same."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.resilience.certificates import server_context
from tests.resilience.faulty_server import FaultyServer, answers, closes, resets_after_effect, tunnels
from tests.resilience.harness import INSERT, REVOKE, SELECT, CommandRun, Harness

STATEMENTS = pytest.mark.parametrize("statement", [SELECT, INSERT, REVOKE], ids=["GET", "create", "revoke"])
TEMPLATE = "{}/w/{{deployment_name}}"


@contextmanager
def secure(harness: Harness, certificates: Path, name: str) -> Iterator[FaultyServer]:
    """Run a workspace over TLS with the named certificate."""
    with FaultyServer(tls=server_context(certificates, name), app=harness.tokens) as server:
        harness.allowed_servers.append(server)
        yield server


def untrusted(result: CommandRun, server: FaultyServer, reason: str) -> None:
    """Check that the server got one connection and no request: no retry, and a create that is known to have no effect."""
    assert (result.status, result.out, list(result.requests)) == (1, "", [])
    assert (server.connections, server.log) == (1, [])
    assert f"is not trusted: {reason}" in result.err, result.err
    assert "hint: REQUESTS_CA_BUNDLE may name a file of certificates to trust" in result.err


@STATEMENTS
class TestCertificate:
    @pytest.mark.parametrize(
        ("name", "bundle", "reason"),
        [
            ("good", None, "self-signed certificate"),
            ("good", "other", "self-signed certificate"),
            ("other", "other", "IP address mismatch"),
            ("real", "real", "IP address mismatch"),
            ("old", "old", "certificate has expired"),
        ],
        ids=["self-signed", "unknown", "other host", "host name for an address", "expired"],
    )
    def test_one_that_is_not_good_gets_nothing(
        self, name: str, bundle: str | None, reason: str, statement: str, harness: Harness, certificates: Path
    ) -> None:
        given = {"REQUESTS_CA_BUNDLE": str(certificates / f"{bundle}.pem")} if bundle else {}
        with secure(harness, certificates, name) as server:
            result = harness.run("-c", statement, endpoint=TEMPLATE.format(server.origin), variables=given)
            untrusted(result, server, reason)

    @pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
    def test_one_of_the_named_bundle_is_trusted(
        self, variable: str, statement: str, harness: Harness, certificates: Path
    ) -> None:
        given = {variable: str(certificates / "good.pem")}
        with secure(harness, certificates, "good") as server:
            result = harness.run("-c", statement, endpoint=TEMPLATE.format(server.origin), variables=given)
        assert (result.status, len(result.requests)) == (0, 1)

    def test_no_variable_turns_verification_off(self, statement: str, harness: Harness, certificates: Path) -> None:
        given = {"PYTHONHTTPSVERIFY": "0", "GIT_SSL_NO_VERIFY": "1", "DATABRICKS_INSECURE": "1"}
        with secure(harness, certificates, "good") as server:
            result = harness.run_installed("-c", statement, endpoint=TEMPLATE.format(server.origin), variables=given)
            untrusted(result, server, "self-signed certificate")

    def test_a_bundle_that_is_missing_is_said_at_once(
        self, statement: str, harness: Harness, certificates: Path
    ) -> None:
        with secure(harness, certificates, "good") as server:
            result = harness.run(
                *("-c", statement),
                endpoint=TEMPLATE.format(server.origin),
                variables={"REQUESTS_CA_BUNDLE": str(harness.home / "none.pem")},
            )
            assert (result.status, server.connections) == (2, 0)
        assert f"REQUESTS_CA_BUNDLE names '{harness.home / 'none.pem'}', which does not exist" in result.err

    def test_a_bundle_that_is_none_is_one_error(self, statement: str, harness: Harness, certificates: Path) -> None:
        bundle = harness.write_file("bundle.pem", "no certificate\n")
        with secure(harness, certificates, "good") as server:
            result = harness.run(
                "-c", statement, endpoint=TEMPLATE.format(server.origin), variables={"REQUESTS_CA_BUNDLE": str(bundle)}
            )
            assert (result.status, server.log) == (1, [])
        assert "error:" in result.err


@STATEMENTS
class TestRealHost:
    """Check the real host name of a workspace, which a proxy's tunnel leads to a test server."""

    def run(self, statement: str, harness: Harness, server: FaultyServer, bundle: Path) -> CommandRun:
        with FaultyServer(tunnels(server)) as proxy:
            harness.allowed_servers.append(proxy)
            given = {"HTTPS_PROXY": proxy.origin, "REQUESTS_CA_BUNDLE": str(bundle)}
            result = harness.run("-c", statement, endpoint="", variables=given)
            assert {seen.path for seen in proxy.log} == {"dbc-1.cloud.databricks.com:443"}
            assert harness.token not in str(proxy.log)
        return result

    def test_its_certificate_must_name_it(self, statement: str, harness: Harness, certificates: Path) -> None:
        with secure(harness, certificates, "other") as server:
            result = self.run(statement, harness, server, certificates / "other.pem")
            assert (result.status, server.log) == (1, [])
        assert "dbc-1.cloud.databricks.com is not trusted: Hostname mismatch" in result.err

    def test_one_that_names_it_is_its_own(self, statement: str, harness: Harness, certificates: Path) -> None:
        with secure(harness, certificates, "real") as server:
            result = self.run(statement, harness, server, certificates / "real.pem")
        assert result.status == 0
        (seen,) = server.log
        assert seen.headers["host"] == "dbc-1.cloud.databricks.com"
        assert seen.headers["authorization"] == f"Bearer {harness.token}"

    def test_a_redirect_to_plain_http_is_not_followed(
        self, statement: str, harness: Harness, certificates: Path
    ) -> None:
        with secure(harness, certificates, "real") as server:
            server.script = (answers(307, Location="http://dbc-1.cloud.databricks.com/api/2.0/token/list"),)
            result = self.run(statement, harness, server, certificates / "real.pem")
        assert (result.status, len(server.log)) == (1, 1)
        assert "redirects to dbc-1.cloud.databricks.com (HTTP 307)" in result.err


@STATEMENTS
def test_a_server_without_tls_gets_nothing(statement: str, harness: Harness, other: FaultyServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        got: list[bytes] = []

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                got.append(connection.recv(4096))
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        port = listener.getsockname()[1]
        harness.ports.add(port)
        result = harness.run("-c", statement, endpoint=f"https://127.0.0.1:{port}/w/{{deployment_name}}")
        thread.join(10)
    assert result.status == 1
    assert "no TLS connection to 127.0.0.1" in result.err
    assert harness.token.encode() not in b"".join(got)


def test_a_create_whose_reply_is_lost_over_tls_is_found(harness: Harness, certificates: Path) -> None:
    given = {"REQUESTS_CA_BUNDLE": str(certificates / "good.pem")}
    with secure(harness, certificates, "good") as server:
        server.on("create", resets_after_effect)
        result = harness.run("-c", INSERT, endpoint=TEMPLATE.format(server.origin), variables=given)
        assert (result.status, len(result.minted)) == (4, 1)
        server.on("list", closes)
        result = harness.run("-c", INSERT, endpoint=TEMPLATE.format(server.origin), variables=given)
        assert (result.status, len(result.minted)) == (4, 1)
        assert "its tokens could not be listed" in result.err
