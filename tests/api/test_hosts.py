"""Check the host rule: a name, a template and the mapped names lead to one address, or to an error."""

from __future__ import annotations

import pickle

import pytest

from tests.cases import each_case
from tokensh.api.hosts import (
    ZONES,
    Hosts,
    Target,
    databricks_name,
    is_databricks_host,
    is_label,
    name_from_url,
    parse_origin,
)
from tokensh.errors import HostError, InterfaceError

AWS = "https://{deployment_name}.cloud.databricks.com"


def resolved(hosts: Hosts, name: str, template: str = AWS) -> Target:
    return hosts.resolve(template, {"deployment_name": name})


def refusal(hosts: Hosts, name: str, template: str = AWS) -> HostError:
    with pytest.raises(HostError) as caught:
        resolved(hosts, name, template)
    return caught.value


# ---- labels and zones


@each_case("text", ["a", "A", "0", "9z", "a-b", "a--b", "x" * 63, "Az09-Az09"])
def test_a_label_is_letters_digits_and_inner_hyphens(text: str) -> None:
    assert is_label(text)


@each_case(
    "text", ["", "-", "-a", "a-", "a.b", "a_b", "a b", "a\n", "\na", "x" * 64, "é", "\u212a", "\uff41", "a/", "a:1"]
)
def test_anything_else_is_none(text: str) -> None:
    assert not is_label(text)


@each_case("zone", ZONES)
def test_a_host_of_databricks_is_under_one_of_its_zones(zone: str) -> None:
    assert is_databricks_host(f"dbc-1{zone}")
    assert is_databricks_host(f"ADB-1.2{zone.upper()}")
    assert not is_databricks_host(zone)
    assert not is_databricks_host(zone[1:])
    assert not is_databricks_host(f"x{zone[1:]}")
    assert not is_databricks_host(f"dbc-1{zone}.evil.example")
    assert not is_databricks_host(f"dbc_1{zone}")
    assert not is_databricks_host(f".dbc-1{zone}")
    assert not is_databricks_host(f"dbc-1{zone}.")
    assert not is_databricks_host(f"dbc-1{zone}\n")


@pytest.mark.parametrize(("length", "fits"), [(253, True), (254, False)])
def test_a_host_name_has_at_most_253_characters(length: int, fits: bool) -> None:
    zone = ".cloud.databricks.com"
    host = ".".join([*["x" * 63] * 3, "y" * (length - 192 - len(zone))]) + zone
    assert len(host) == length
    assert is_databricks_host(host) is fits
    assert (parse_origin(f"https://{host}") is not None) is fits


# ---- addresses


@each_case(
    ("url", "target", "origin"),
    [
        ("https://Example.COM", Target("https", "example.com", None, "", "example.com"), "https://example.com"),
        ("https://example.com/", Target("https", "example.com", None, "", "example.com"), "https://example.com"),
        ("https://example.com:443", Target("https", "example.com", None, "", "example.com"), "https://example.com"),
        ("https://example.com:80", Target("https", "example.com", 80, "", "example.com"), "https://example.com:80"),
        ("https://example.com:1", Target("https", "example.com", 1, "", "example.com"), "https://example.com:1"),
        (
            "https://example.com:65535/w/x-1._~/",
            Target("https", "example.com", 65535, "/w/x-1._~", "example.com"),
            "https://example.com:65535",
        ),
        ("http://127.0.0.1:80", Target("http", "127.0.0.1", None, "", "127.0.0.1"), "http://127.0.0.1"),
        ("http://127.0.0.1:443", Target("http", "127.0.0.1", 443, "", "127.0.0.1"), "http://127.0.0.1:443"),
        ("http://127.255.1.249:8", Target("http", "127.255.1.249", 8, "", "127.255.1.249"), "http://127.255.1.249:8"),
        ("http://LOCALHOST:8/w", Target("http", "localhost", 8, "/w", "localhost"), "http://localhost:8"),
        ("http://[::1]:8", Target("http", "::1", 8, "", "::1"), "http://[::1]:8"),
        ("https://[2001:DB8::1]", Target("https", "2001:db8::1", None, "", "2001:db8::1"), "https://[2001:db8::1]"),
        (
            "https://[0123:4567:89ab:cdef:ABCD:EF::ffff:1.2.3.4]",
            Target(
                "https",
                "0123:4567:89ab:cdef:abcd:ef::ffff:1.2.3.4",
                None,
                "",
                "0123:4567:89ab:cdef:abcd:ef::ffff:1.2.3.4",
            ),
            "https://[0123:4567:89ab:cdef:abcd:ef::ffff:1.2.3.4]",
        ),
        ("https://a/ABYZabyz0189", Target("https", "a", None, "/ABYZabyz0189", "a"), "https://a"),
        ("https://a/.hidden/a..b", Target("https", "a", None, "/.hidden/a..b", "a"), "https://a"),
    ],
)
def test_a_plain_address_is_taken_apart(url: str, target: Target, origin: str) -> None:
    assert parse_origin(url) == target
    assert target.origin == origin


def test_an_address_can_be_called_otherwise() -> None:
    assert parse_origin("https://a.example", "prod") == Target("https", "a.example", None, "", "prod")


@each_case(
    "url",
    [
        "", "a", "//a", "ftp://a", "HTTPS://a", "https:/a", "https://", "https:///x",
        "http://a", "http://128.0.0.1", "http://127.0.0.1.evil.example", "http://127.0.0.256", "http://127.0.0.1.1",
        "http://127.0.1", "http://localhost.evil.example", "http://[::2]", "http://xlocalhost", "http://127.0.0.300",
        "https://u@a", "https://u:p@a", "https://a?x", "https://a/?x", "https://a#x", "https://a\\b",
        "https://a:0", "https://a:65536", "https://a:123456", "https://a:000443", "http://[::ffff:127.0.0.1]", "https://a:", "https://a:x", "https://a:-1",
        "https://a/.", "https://a/..", "https://a/../b", "https://a/./b", "https://a//b", "https://a/b//", "https://a/%2e",
        "https://a_b", "https://-a", "https://a-", "https://a..b", "https://.a", "https://a.", "https://" + "x" * 64,
        "https://a b", " https://a", "https://a\n", "https://é", "https://[::1", "https://::1",
    ],
)  # fmt: skip
def test_any_other_address_is_none(url: str) -> None:
    assert parse_origin(url) is None


@each_case(
    ("host", "here"),
    [
        ("127.0.0.1", True), ("127.1.2.3", True), ("127.0.0.249", True), ("127.0.0.255", True), ("localhost", True), ("::1", True),
        ("128.0.0.1", False), ("127.0.0.256", False), ("127.0.0", False), ("localhost2", False), ("::11", False),
        ("127.0.0.1x", False), ("127a0.0.1", False), ("10.0.0.1", False),
    ],
)  # fmt: skip
def test_loopback_is_this_machine(host: str, here: bool) -> None:
    assert Target("http", host, None, "", "x").is_loopback is here


def test_every_number_of_loopback_is_this_machine_and_none_beyond() -> None:
    for number in range(300):
        for host in (f"127.{number}.0.1", f"127.0.{number}.1", f"127.0.0.{number}"):
            assert Target("http", host, None, "", "x").is_loopback is (number <= 255)


def test_an_address_cannot_be_changed_once_it_was_judged() -> None:
    with pytest.raises(AttributeError):
        Target("http", "127.0.0.1", None, "", "x").host = "evil.example"  # type: ignore[misc]


# ---- names -> addresses


@each_case(
    ("written", "host", "name"),
    [
        ("dbc-1", "dbc-1.cloud.databricks.com", "dbc-1"),
        ("DBC-1", "dbc-1.cloud.databricks.com", "dbc-1"),
        ("dbc-1.cloud.databricks.com", "dbc-1.cloud.databricks.com", "dbc-1"),
        ("DBC-1.Cloud.databricks.com:443/", "dbc-1.cloud.databricks.com", "dbc-1"),
        ("dbc-1.cloud.databricks.mil/", "dbc-1.cloud.databricks.mil", "dbc-1.cloud.databricks.mil"),
        ("ADB-1.2.azuredatabricks.net", "adb-1.2.azuredatabricks.net", "adb-1.2.azuredatabricks.net"),
        ("1.2.gcp.databricks.com:443", "1.2.gcp.databricks.com", "1.2.gcp.databricks.com"),
    ],
)
def test_a_name_is_a_label_of_the_documents_zone_or_a_whole_host(written: str, host: str, name: str) -> None:
    assert resolved(Hosts(), written) == Target("https", host, None, "", name)


@each_case(
    ("written", "name"),
    [
        ("prod", "prod"),
        ("PRODUCTION", "prod"),
        ("dbc-1", "prod"),
        ("dbc-1.cloud.databricks.com/", "prod"),
        ("DBC-2", "dbc-2"),
        ("dbc-3", "dbc-3"),
        ("dbc-3.cloud.databricks.com", "dbc-3.cloud.databricks.com"),
        ("a b", "a b"),
    ],
)
def test_all_spellings_of_a_workspace_have_its_shortest_configured_name(written: str, name: str) -> None:
    dbc_1 = "https://dbc-1.cloud.databricks.com/"
    hosts = Hosts(mapped={"Production": dbc_1, "prod": dbc_1, "dbc-3": "https://elsewhere.example"})
    assert hosts.canonical_name(written) == name


@pytest.mark.parametrize(
    "endpoint", ["https://{deployment_name}.example.com", "http://127.0.0.1:1/w/{deployment_name}"]
)
def test_an_endpoint_gets_one_spelling_of_a_name(endpoint: str) -> None:
    names = ("dbc-1", "DBC-1", "dbc-1.cloud.databricks.com", "Dbc-1.cloud.databricks.com:443/")
    assert len({resolved(Hosts(endpoint), name) for name in names}) == 1


@each_case(
    ("name", "hint"),
    [
        ("evil.example", "allowed: letters, digits and '-' (at most 63, no '-' at either end), a full host under "),
        ("https://dbc-1.cloud.databricks.com/?o=1", "write 'dbc-1'"),
        (" https://adb-1.2.azuredatabricks.net#x ", "write 'adb-1.2.azuredatabricks.net'"),
        ("https://evil.example", "allowed: "),
    ],
)
def test_another_name_is_refused_with_what_is_allowed(name: str, hint: str) -> None:
    error = refusal(Hosts(), name)
    assert str(error) == f"invalid deployment_name: '{name}' is neither one DNS label nor a Databricks host"
    assert error.hint is not None
    assert error.hint.startswith(hint)
    if hint.startswith("allowed"):
        assert error.hint.endswith(
            f"a full host under {', '.join(ZONES)}, the host of a profile or of DATABRICKS_HOST, or a name that config.toml maps to a host"
        )


def test_a_long_name_is_cut_and_made_visible() -> None:
    assert f"'{'x' * 80}…'" in str(refusal(Hosts(), "x" * 81))
    assert f"'{'x' * 79}.'" in str(refusal(Hosts(), "x" * 79 + "."))
    assert r"'\x1b[31m'" in str(refusal(Hosts(), "\x1b[31m"))


def test_a_template_needs_each_of_its_variables() -> None:
    with pytest.raises(HostError) as caught:
        Hosts().resolve(AWS, {"other": "x"})
    assert str(caught.value) == f"missing value for deployment_name in the address '{AWS}'"


def test_a_whole_host_stands_only_for_the_one_variable_of_a_plain_template() -> None:
    whole = "adb-1.2.azuredatabricks.net"
    assert resolved(Hosts(), whole, AWS + "/").host == whole
    assert resolved(Hosts(), whole, AWS.upper().replace("DEPLOYMENT_NAME", "deployment_name")).host == whole
    assert Hosts().resolve("https://{Name}.cloud.databricks.com", {"Name": whole}).host == whole
    for template in (
        "https://{deployment_name}.evil.example",
        "https://x.{deployment_name}.cloud.databricks.com",
        "https://{deployment_name}.{deployment_name}.cloud.databricks.com",
        "https://{deployment_name}.cloud.databricks.com/{x}",
    ):
        refusal(Hosts(), whole, template)


def test_two_variables_make_one_name() -> None:
    target = Hosts().resolve("https://{a}-x.{b}.azuredatabricks.net", {"a": "adb", "b": "2"})
    assert target == Target("https", "adb-x.2.azuredatabricks.net", None, "", "adb.2")


def test_a_template_without_variables_is_its_own_host() -> None:
    assert resolved(Hosts(), "any", "https://x.azuredatabricks.net").host == "x.azuredatabricks.net"


def test_only_a_templates_one_variable_can_be_a_mapped_name() -> None:
    hosts = Hosts(mapped={"adb": "https://databricks.example.com"})
    assert (
        hosts.resolve("https://{a}.{b}.azuredatabricks.net", {"a": "adb", "b": "2"}).host == "adb.2.azuredatabricks.net"
    )


@pytest.mark.parametrize(
    "template",
    [
        "https://{deployment_name}.evil.example",
        "https://{deployment_name}.cloud.databricks.com:8443",
        "https://{deployment_name}.cloud.databricks.com.evil.example",
    ],
)
def test_a_documents_own_server_must_be_under_a_zone(template: str) -> None:
    error = refusal(Hosts(), "dbc-1", template)
    origin = template.replace("{deployment_name}", "dbc-1")
    assert str(error) == f"the provider document's server {origin} is not under a Databricks zone"
    assert error.hint == "if a credential may go there, map it in config.toml"


@pytest.mark.parametrize("template", ["http://{deployment_name}.cloud.databricks.com", "https://{deployment_name}?x"])
def test_a_documents_server_that_is_no_plain_address_is_refused(template: str) -> None:
    assert str(refusal(Hosts(), "dbc-1", template)).startswith(f"the address '{template}' is not a plain https URL")


def test_a_documents_loopback_is_not_under_a_zone() -> None:
    refusal(Hosts(), "dbc-1", "http://127.0.0.1:8/{deployment_name}")


# ---- mapped names


def test_a_mapped_name_is_its_address_whatever_the_case() -> None:
    hosts = Hosts(mapped={"Prod": "https://adb-1.2.azuredatabricks.net", "own": "databricks.example.com:8443/x"})
    assert resolved(hosts, "pROD") == Target("https", "adb-1.2.azuredatabricks.net", None, "", "Prod")
    assert resolved(hosts, "own") == Target("https", "databricks.example.com", 8443, "/x", "own")
    assert resolved(hosts, "other").host == "other.cloud.databricks.com"


def test_a_host_of_a_document_can_be_mapped() -> None:
    hosts = Hosts(mapped={"dbc-1.own.example": "https://databricks.example.com"})
    assert resolved(hosts, "dbc-1", "https://{deployment_name}.own.example").host == "databricks.example.com"


@each_case("url", ["http://example.com", "https://u@example.com", "a b", "", "https://a/../b"])
def test_what_is_mapped_must_be_a_plain_address(url: str) -> None:
    with pytest.raises(InterfaceError) as caught:
        Hosts(mapped={"prod": url})
    assert str(caught.value) == f"config.toml maps 'prod' to '{url}', which is not a plain https URL or host name"


# ---- an endpoint


def test_an_endpoint_takes_the_place_of_every_template() -> None:
    hosts = Hosts("http://127.0.0.1:8/w/{deployment_name}", {"x": "https://example.com"})
    assert resolved(hosts, "x", "https://{deployment_name}.evil.example") == Target("http", "127.0.0.1", 8, "/w/x", "x")
    refusal(hosts, "adb-1.2.azuredatabricks.net")
    assert hosts.endpoint == "http://127.0.0.1:8/w/{deployment_name}"
    assert Hosts().endpoint is None


def test_an_endpoint_may_be_fixed() -> None:
    assert resolved(Hosts("https://example.com/x"), "any") == Target("https", "example.com", None, "/x", "example.com")


@each_case("endpoint", ["", "http://example.com", "https://{deployment_name}?x", "https://u@{a}"])
def test_an_endpoint_must_be_a_plain_address(endpoint: str) -> None:
    with pytest.raises(InterfaceError) as caught:
        Hosts(endpoint)
    error = caught.value
    assert str(error) == f"the endpoint '{endpoint}' is not a plain https URL (or http on loopback)"
    assert error.hint == (
        "for example https://{deployment_name}.example.com or http://127.0.0.1:18080/w/{deployment_name}"
    )


def test_an_endpoint_that_a_name_makes_too_long_is_refused() -> None:
    assert str(refusal(Hosts("https://{deployment_name}" + ".x" * 126), "long-name")).startswith("the address")


@each_case(
    ("name", "origin"),
    [
        ("databricks.corp.example", "https://databricks.corp.example"),
        ("Databricks.Corp.example:443/", "https://databricks.corp.example"),
        ("ports.example:8443", "https://ports.example:8443"),
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
    ],
)
def test_a_host_that_the_user_names_needs_no_zone(name: str, origin: str) -> None:
    origins = ("https://databricks.corp.example", "https://ports.example:8443", "http://127.0.0.1:8080", "nonsense")
    hosts = Hosts(named=lambda: origins)
    target = resolved(hosts, name)
    assert (target.origin, hosts.find_name(origin)) == (origin, target.name)
    assert resolved(pickle.loads(pickle.dumps(hosts)), name) == target


@each_case("name", ["other.example", "ports.example", "accounts.cloud.databricks.com:8443", "inner"])
def test_no_other_host_is_one(name: str) -> None:
    hosts = Hosts(
        named=lambda: ("https://ports.example:8443", "https://accounts.cloud.databricks.com:8443", "https://inner")
    )
    assert hosts.find_name("https://inner") is None
    if name == "inner":
        assert resolved(hosts, name).host == "inner.cloud.databricks.com"
    else:
        refusal(hosts, name)


@pytest.mark.parametrize(("name", "zone"), [("adb-12.3", ".azuredatabricks.net"), ("12.3", ".gcp.databricks.com")])
def test_a_name_without_its_zone_is_completed(name: str, zone: str) -> None:
    assert refusal(Hosts(), name).hint == f"write '{name}{zone}'"


# ---- addresses -> names


@each_case(
    ("origin", "name"),
    [
        ("https://dbc-1.cloud.databricks.com", "dbc-1"),
        ("https://adb-1.2.azuredatabricks.net", "adb-1.2.azuredatabricks.net"),
        ("https://dbc-1.cloud.databricks.com:8443", None),
        ("https://dbc-1.cloud.databricks.com/x", None),
        ("https://accounts.cloud.databricks.com", None),
        ("https://accounts.azuredatabricks.net", None),
        ("https://example.com", None),
        ("http://127.0.0.1", None),
        ("nonsense", None),
        ("https://own.example", "mine"),
    ],
)
def test_an_address_has_the_shortest_name_that_leads_to_it(origin: str, name: str | None) -> None:
    hosts = Hosts(mapped={"mine": "https://own.example"})
    assert hosts.find_name(origin) == name
    if name is not None:
        assert resolved(hosts, name).origin == origin


def test_an_address_that_is_not_secure_has_no_name() -> None:
    assert databricks_name(Target("http", "dbc-1.cloud.databricks.com", None, "", "x")) is None
    assert databricks_name(Target("https", "dbc-1.cloud.databricks.com", None, "", "x")) == "dbc-1"


@each_case(
    ("text", "name"),
    [
        ("https://dbc-1.cloud.databricks.com/?o=12#x", "dbc-1"),
        (" https://dbc-1.cloud.databricks.com/browse ", "dbc-1"),
        ("https://example.com", "example.com"),
        ("dbc-1", "dbc-1"),
        ("://", "://"),
    ],
)
def test_a_copied_address_is_written_as_a_name(text: str, name: str) -> None:
    assert name_from_url(text) == name
