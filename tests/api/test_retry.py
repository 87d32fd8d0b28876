"""Check the rules for retries, proxies and certificates, which need no network."""

from __future__ import annotations

import sys
from email.utils import formatdate
from itertools import pairwise
from pathlib import Path
from resource import RLIM_INFINITY

import pytest

from tests.cases import each_case
from tokensh.api.hosts import Target
from tokensh.api.retry import (
    MAX_RETRY_DELAY,
    REFUSED_DELAYS,
    RETRY_DELAYS,
    choose_proxy,
    is_put_off,
    max_idle_hosts,
    proxy_address,
    redirect_host,
    retry_delay,
    trusted_certificates,
)
from tokensh.environment import Environment
from tokensh.errors import InterfaceError

WORKSPACE = Target("https", "dbc-1.cloud.databricks.com", None, "", "dbc-1")
LOOPBACK = Target("http", "127.0.0.1", 8080, "/w/x", "x")
PRIVATE = Target("https", "dbc.corp.example", 8443, "", "dbc")
PUBLIC6 = Target("https", "fd00::1", None, "", "fd00::1")
PROXY = "http://proxy.example:3128"
NOW = 1_700_000_000.0


def environment(**variables: str) -> Environment:
    return Environment(sys.stdin, sys.stdout, sys.stderr, variables)


@each_case(
    ("status", "retry_after", "expected"),
    [
        (429, "", 0.3),
        (502, "", 0.3),
        (503, "", 0.3),
        (503, "7", 7.0),
        (503, "60", 60.0),
        (503, "61", None),
        (503, "9" * 400, None),
        (503, formatdate(NOW + 5, usegmt=True), 5.0),
        (503, formatdate(NOW - 5, usegmt=True), 0.0),
        (503, formatdate(NOW + 3600, usegmt=True), None),
        (503, "Mon, 99 Xyz 2023 00:00:00 GMT", 0.3),
        (503, "tomorrow", 0.3),
        (503, "1.5", 0.3),
        (503, "٣", 0.3),
        (200, "7", None),
        (500, "7", None),
        (504, "", 0.3),
    ],
)
def test_when_a_listing_is_tried_again(status: int, retry_after: str, expected: float | None) -> None:
    assert retry_delay(status, retry_after, 0.3, NOW) == expected


def test_each_delay_is_at_least_twice_the_one_before_and_a_write_waits_longer_than_a_read() -> None:
    for delays in (RETRY_DELAYS, REFUSED_DELAYS):
        assert delays[0] == 0.3
        assert all(later >= 2 * earlier for earlier, later in pairwise(delays))
    assert (len(RETRY_DELAYS), len(REFUSED_DELAYS)) == (2, 5)
    assert sum(RETRY_DELAYS) < 1.5
    assert 15 < sum(REFUSED_DELAYS) < 16
    assert MAX_RETRY_DELAY == 60


@each_case(
    ("status", "code", "retry_after", "expected"),
    [
        (429, "", "", True),
        (429, "X", "5", True),
        (503, "", "5", True),
        (503, "TEMPORARILY_UNAVAILABLE", "", True),
        (503, "RESOURCE_EXHAUSTED", "", True),
        (503, "", "", False),
        (503, "INTERNAL_ERROR", "", False),
        (500, "TEMPORARILY_UNAVAILABLE", "5", False),
        (502, "", "5", False),
        (200, "REQUEST_LIMIT_EXCEEDED", "5", False),
    ],
)
def test_which_answers_say_that_nothing_was_done_yet(status: int, code: str, retry_after: str, expected: bool) -> None:
    assert is_put_off(status, code, retry_after) == expected


@each_case(
    ("variables", "target", "expected"),
    [
        ({}, WORKSPACE, {}),
        ({"https_proxy": PROXY}, WORKSPACE, {"https": PROXY}),
        ({"HTTPS_PROXY": PROXY}, WORKSPACE, {"https": PROXY}),
        ({"ALL_PROXY": PROXY}, WORKSPACE, {"https": PROXY}),
        ({"all_proxy": PROXY, "ALL_PROXY": "http://other"}, WORKSPACE, {"https": PROXY}),
        ({"HTTPS_PROXY": PROXY, "all_proxy": "http://other"}, WORKSPACE, {"https": PROXY}),
        ({"https_proxy": "https://proxy.example"}, WORKSPACE, {"https": "https://proxy.example"}),
        ({"https_proxy": "HTTP://u:p@proxy.example:1"}, WORKSPACE, {"https": "HTTP://u:p@proxy.example:1"}),
        ({"https_proxy": "proxy.example:3128"}, WORKSPACE, {"https": PROXY}),
        ({"https_proxy": PROXY, "no_proxy": "fd00::1"}, PUBLIC6, {}),
        ({"https_proxy": PROXY, "no_proxy": "fd00::2,fd00:"}, PUBLIC6, {"https": PROXY}),
        ({"http_proxy": PROXY}, WORKSPACE, {}),
        ({"https_proxy": PROXY, "all_proxy": "http://other"}, WORKSPACE, {"https": PROXY}),
        ({"all_proxy": PROXY, "http_proxy": PROXY, "https_proxy": PROXY}, LOOPBACK, {}),
        ({"https_proxy": PROXY, "no_proxy": "*"}, WORKSPACE, {}),
        ({"https_proxy": PROXY, "NO_PROXY": "x, .Databricks.com"}, WORKSPACE, {}),
        ({"https_proxy": PROXY, "no_proxy": "dbc-1.cloud.databricks.com"}, WORKSPACE, {}),
        ({"https_proxy": PROXY, "no_proxy": "x,*.cloud.databricks.com"}, WORKSPACE, {}),
        ({"https_proxy": PROXY, "no_proxy": "*.databricks.com:443"}, WORKSPACE, {}),
        ({"https_proxy": PROXY, "no_proxy": ".DATABRICKS.com:443"}, WORKSPACE, {}),
        ({"https_proxy": PROXY, "no_proxy": "databricks.com"}, WORKSPACE, {}),
        ({"https_proxy": PROXY, "no_proxy": "x dbc-1.cloud.databricks.com:443"}, WORKSPACE, {}),
        ({"https_proxy": PROXY, "no_proxy": "*:443"}, WORKSPACE, {}),
        ({"https_proxy": PROXY, "no_proxy": "*:80"}, WORKSPACE, {"https": PROXY}),
        ({"https_proxy": PROXY, "no_proxy": "dbc-1.cloud.databricks.com:8443"}, WORKSPACE, {"https": PROXY}),
        ({"https_proxy": PROXY, "no_proxy": "dbc-1.cloud.databricks.com:x"}, WORKSPACE, {"https": PROXY}),
        ({"https_proxy": PROXY, "no_proxy": "*.dbc-1.cloud.databricks.com.evil"}, WORKSPACE, {"https": PROXY}),
        ({"https_proxy": PROXY, "no_proxy": "*bc-1.cloud.databricks.com"}, WORKSPACE, {"https": PROXY}),
        ({"https_proxy": PROXY, "no_proxy": ".,*.,:,:443,[],::1"}, WORKSPACE, {"https": PROXY}),
        ({"https_proxy": PROXY, "no_proxy": "corp.example:8443"}, PRIVATE, {}),
        ({"https_proxy": PROXY, "no_proxy": "corp.example:443"}, PRIVATE, {"https": PROXY}),
        ({"https_proxy": PROXY, "no_proxy": "bricks.com,,1.cloud.databricks.com"}, WORKSPACE, {"https": PROXY}),
    ],
)
def test_which_proxy(variables: dict[str, str], target: Target, expected: dict[str, str]) -> None:
    assert choose_proxy(environment(**variables), target) == expected


def test_a_socks_proxy_is_refused() -> None:
    with pytest.raises(InterfaceError, match="SOCKS"):
        choose_proxy(environment(ALL_PROXY="SOCKS5h://127.0.0.1:1080"), WORKSPACE)


@each_case(
    "address",
    [
        "ftp://proxy.example",
        "http://",
        "http://:3128",
        "http://p:0",
        "http://p:99999",
        "http://[::1",
        "http://a b",
        "p q:1",
    ],
)
def test_a_malformed_proxy_is_an_error_without_the_address_that_may_hold_a_password(address: str) -> None:
    with pytest.raises(InterfaceError) as caught:
        choose_proxy(environment(all_proxy=address), WORKSPACE)
    assert caught.value.message == "invalid proxy address in all_proxy"
    assert caught.value.hint == "for example http://proxy.example:3128"


def test_the_address_of_a_proxy_is_shown_without_user_and_password() -> None:
    assert proxy_address({}) == ""
    assert proxy_address({"https": PROXY}) == "proxy.example:3128"
    assert proxy_address({"https": "http://user:p@ss@proxy.example:1/x"}) == "proxy.example:1"


def test_which_certificates_are_trusted(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.touch()
    first, second, third = "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"
    for variables, expected in (
        ({}, True),
        ({first: ""}, True),
        ({second: str(bundle)}, str(bundle)),
        ({third: str(bundle)}, str(bundle)),
        ({first: str(tmp_path), second: str(bundle)}, str(tmp_path)),
        ({first: str(tmp_path), third: str(bundle)}, str(tmp_path)),
        ({second: str(tmp_path), third: "/nowhere"}, str(tmp_path)),
    ):
        assert trusted_certificates(environment(**variables), WORKSPACE) == expected


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_certificates_that_are_not_there_are_an_error_where_they_are_needed(variable: str) -> None:
    variables = environment(**{variable: "/nowhere/ca.pem"})
    with pytest.raises(InterfaceError, match=f"{variable} names .* which does not exist"):
        trusted_certificates(variables, WORKSPACE)
    assert trusted_certificates(variables, LOOPBACK) is True


@pytest.mark.parametrize(
    ("limit", "hosts"), [(RLIM_INFINITY, 1024), (1_000_000, 1024), (2046, 1023), (256, 128), (21, 10), (0, 10)]
)
def test_half_of_the_open_files_may_be_idle_connections(
    limit: int, hosts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (limit, limit))
    assert max_idle_hosts() == hosts


@each_case(
    ("location", "expected"),
    [
        ("https://User:pw@Evil.example:8443/x?y", "evil.example"),
        ("/login", "/login"),
        ("https://[::1]:8443/x", "::1"),
        ("https://[evil]/x", "https://[evil]/x"),
        ("http://[::1", "http://[::1"),
        ("", "nowhere"),
        ("x" * 101, "x" * 100),
    ],
)
def test_where_a_redirect_leads(location: str, expected: str) -> None:
    assert redirect_host(location) == expected
