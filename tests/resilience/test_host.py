"""Check that a credential goes only to the host of one DNS label, and that anything else fails before a byte is sent."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.provider.documents import MethodLine, service_document, write_registry
from tests.resilience.faulty_server import FaultyServer, answers
from tests.resilience.harness import CommandRun, Harness
from tokensh.api.hosts import ZONES, Hosts, is_label
from tokensh.errors import HostError

REFUSED = {
    "fragment": "evil.com/#",
    "path": "evil.com/",
    "query": "evil.com?",
    "backslash": "evil.com\\",
    "backslash and user": "evil.com\\@x",
    "user": "x@evil.com/",
    "user and fragment": "x@evil.com#",
    "user and password": "u:p@x",
    "port and path": "evil.com:443/",
    "port and fragment": "evil.com:8443#",
    "loopback": "127.0.0.1:{port}/#",
    "loopback, IPv6": "[::1]/#",
    "loopback, hexadecimal": "0x7f000001/#",
    "loopback, one number": "2130706433/#",
    "dots": "a/../../b",
    "percent slash": "%2f",
    "percent hash": "%23",
    "percent at": "%40",
    "two labels": "a.b",
    "dot at its end": "a.",
    "dot": ".",
    "empty": "",
    "hyphen first": "-a",
    "hyphen last": "a-",
    "underscore": "a_b",
    "star": "*",
    "braces": "{x}",
    "blank": "a b",
    "tab": "a\tb",
    "newline at its end": "dbc-1\n",
    "header": "x\r\nX: 1",
    "NUL": "a\x00b",
    "fullwidth letters": "\uff45\uff56\uff49\uff4c",
    "fullwidth dot and slash": "evil\uff0ecom\uff0f#",
    "ideographic full stop": "evil\u3002com",
    "one character for three": "\u2100",
    "Cyrillic": "\u0435vil",
    "64 letters": "x" * 64,
    "quote": "a'b",
    "Kelvin sign": "\u212a",
    "zone of another": "evil.com.databricks.com.evil.com",
    "zone without a dot": "evilcloud.databricks.com",
}
ACCEPTED = {
    "workspace": "dbc-a1b2c3d4-e5f6",
    "capitals": "A-B",
    "63 letters": "x" * 63,
    "digit": "1",
    "Azure": "adb-12.3.azuredatabricks.net",
    "GCP": "12.3.gcp.databricks.com",
    "government": "dbc-1.cloud.databricks.us",
}
STATEMENTS = {
    "GET": "SELECT token_id FROM user_tokens WHERE deployment_name = {}",
    "POST": "INSERT INTO user_tokens (deployment_name, data__comment) SELECT {}, 'ci' RETURNING token_value",
}


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def refused(result: CommandRun) -> None:
    """Check for one error that names the parameter and the rule, without a packet or a name lookup."""
    assert (result.status, result.out, list(result.requests)) == (1, "", [])
    assert [event for event, _ in result.events if event.startswith("socket.")] == []
    if "a NUL character" in result.err:
        return
    assert "error: invalid deployment_name" in result.err
    assert "hint: allowed: letters, digits and '-' (at most 63, no '-' at either end)" in result.err


@pytest.mark.parametrize("method", STATEMENTS)
@pytest.mark.parametrize("name", REFUSED)
class TestRefused:
    def test_with_an_endpoint(self, name: str, method: str, harness: Harness, other: FaultyServer) -> None:
        host = REFUSED[name].replace("{port}", str(other.port))
        refused(harness.run("-c", STATEMENTS[method].format(quoted(host)), workspace=None))

    def test_at_the_documents_address(self, name: str, method: str, harness: Harness, other: FaultyServer) -> None:
        host = REFUSED[name].replace("{port}", str(other.port))
        statement = STATEMENTS[method].format(quoted(host))
        refused(
            harness.run("-c", statement, endpoint="", workspace=None, variables={"HTTPS_PROXY": other.origin}),
        )


@pytest.mark.parametrize("name", [name for name in REFUSED if REFUSED[name]])
def test_no_other_way_of_naming_a_workspace_goes_around_the_rule(
    name: str, harness: Harness, other: FaultyServer
) -> None:
    host = REFUSED[name].replace("{port}", str(other.port))
    refused(harness.run("-c", "SELECT * FROM user_tokens", workspace=host))
    refused(harness.run("-v", f"x={host}", "-c", STATEMENTS["GET"].format("'{{ x }}'"), workspace=None))
    refused(harness.run("-c", STATEMENTS["GET"].format(f"trim({quoted(host)})"), workspace=None))
    exec_ = f'EXEC user_tokens.revoketoken @deployment_name = {quoted(host)} @@json = \'{{"token_id": "a"}}\''
    refused(harness.run("-c", exec_, workspace=None))


@pytest.mark.parametrize("method", STATEMENTS)
@pytest.mark.parametrize("name", ACCEPTED)
def test_a_workspace_is_its_own_host_and_no_other(name: str, method: str, harness: Harness) -> None:
    host = ACCEPTED[name] if "." in ACCEPTED[name] else f"{ACCEPTED[name]}.cloud.databricks.com"
    with FaultyServer(answers(403)) as proxy:
        harness.allowed_servers.append(proxy)
        result = harness.run(
            "-c",
            STATEMENTS[method].format(quoted(ACCEPTED[name])),
            endpoint="",
            workspace=None,
            variables={"HTTPS_PROXY": proxy.origin},
        )
    assert result.status == 1
    assert {(seen.method, seen.path) for _, seen in result.requests} == {("CONNECT", f"{host.lower()}:443")}
    assert not any("authorization" in seen.headers for _, seen in result.requests)


@pytest.mark.parametrize("name", ["dbc-1", "A-B"])
def test_a_label_stands_in_the_endpoint_in_small_letters(name: str, harness: Harness) -> None:
    result = harness.run("-c", STATEMENTS["GET"].format(quoted(name)), workspace=None)
    assert result.status == 0
    assert [seen.path for _, seen in result.requests] == [f"/w/{name.lower()}/api/2.0/token/list"]


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://example.com/{deployment_name}",
        "https://u:p@example.com/{deployment_name}",
        "https://example.com/{deployment_name}?x=1",
        "https://example.com/../{deployment_name}",
        "https://example.com:0/{deployment_name}",
        "https://exa mple.com/{deployment_name}",
        "ftp://127.0.0.1/{deployment_name}",
        "https://127.1/{deployment_name}#",
        "//127.0.0.1/{deployment_name}",
        "",
    ],
)
def test_an_endpoint_that_is_no_plain_https_address_is_refused(endpoint: str, harness: Harness) -> None:
    result = harness.run("-c", "SELECT * FROM user_tokens", endpoint=endpoint or "https://", workspace="dbc-1")
    assert (result.status, [event for event, _ in result.events if event.startswith("socket.")]) == (2, [])
    assert "is not a plain https URL (or http on loopback)" in result.err


@pytest.mark.parametrize("url", ["http://example.com", "https://u@example.com", "evil.com/x?y", "a b"])
def test_a_mapped_address_that_is_none_is_refused(url: str, harness: Harness) -> None:
    harness.write_file(".config/tokensh/config.toml", f"[hosts]\nprod = {json.dumps(url)}\n")
    result = harness.run("-c", "SELECT * FROM user_tokens", endpoint="", workspace="prod")
    assert result.status == 2
    assert "which is not a plain https URL or host name" in result.err


@pytest.mark.parametrize("method", STATEMENTS)
def test_a_documents_server_outside_of_databricks_gets_no_credential(
    method: str, harness: Harness, other: FaultyServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    lines = [
        MethodLine("user_tokens", "SELECT", "list", "GET /list", fields="token_id", object_key="$.token_infos[*]"),
        MethodLine("user_tokens", "INSERT", "create", "POST /create", body="comment", fields="token_value"),
    ]
    document = service_document(lines, server="https://{deployment_name}.evil.example")
    registry = write_registry(tmp_path_factory.mktemp("registry"), {"s": document})
    statement = STATEMENTS[method].format("'dbc-1'").replace("user_tokens", "acme.s.user_tokens")
    result = harness.run(
        *("--registry", str(registry), "-c", statement),
        endpoint="",
        workspace=None,
        variables={"HTTPS_PROXY": other.origin},
    )
    assert "is not under a Databricks zone" in result.err
    assert (result.count_requests("GET"), result.count_requests("POST")) == (0, 0)
    assert [event for event, _ in result.events if event.startswith("socket.")] == []


def _spelled(characters: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    hostile = st.sampled_from(["/", "#", "?", "@", ":", "\\", ".", "%2f", "[", "]", "\n", "\x00", "evil.com", *ZONES])
    return st.lists(st.one_of(hostile, characters), max_size=8).map("".join)


TEMPLATE = "https://{deployment_name}.cloud.databricks.com"


@given(_spelled(st.text(max_size=6)))
@example("evil.com/#")
@example("dbc-1\n")
@example("a.cloud.databricks.com.evil.com")
def test_any_text_is_refused_or_leads_to_a_host_under_a_zone_of_databricks(name: str) -> None:
    try:
        target = Hosts().resolve(TEMPLATE, {"deployment_name": name})
    except HostError:
        assert not is_label(name)
        return
    assert (target.scheme, target.port, target.prefix, target.name) == (
        "https",
        None,
        "",
        target.host.removesuffix(".cloud.databricks.com"),
    )
    assert target.host in (f"{name.lower()}.cloud.databricks.com", name.lower())
    assert target.host.endswith(ZONES)
    assert all(map(is_label, target.host.split(".")))
    assert target.origin == f"https://{target.host}"


@given(_spelled(st.text(max_size=6)))
def test_any_endpoint_keeps_its_host_whatever_the_label(name: str) -> None:
    try:
        target = Hosts("http://127.0.0.1:8/w/{deployment_name}").resolve(TEMPLATE, {"deployment_name": name})
    except HostError:
        return
    assert target.origin == "http://127.0.0.1:8"
    # The full host name of a workspace on AWS is another spelling of its label.
    assert target.prefix == f"/w/{name.lower().removesuffix('.cloud.databricks.com')}"
