"""The host rule: a workspace's name resolves to exactly one host, or is an error; never a guess and never a default.

A credential goes wherever this module says, so it is an allow list and not a filter: a name is one DNS label put into the
template of the provider document, or a full host under a zone of Databricks, or a name that the user mapped. URLs are
matched by one strict pattern instead of urlsplit, which accepts user info, tabs, backslashes and non-ASCII digits that other
parsers read as another host; `client` and `transport` compare what requests and urllib3 parsed with the result.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property

from tokensh._dataclasses import dataclass, replace
from tokensh.errors import HostError, InterfaceError
from tokensh.text import escape_unsafe

ZONES = (
    ".cloud.databricks.com",
    ".cloud.databricks.us",
    ".cloud.databricks.mil",
    ".dev.databricks.com",
    ".azuredatabricks.net",
    ".databricks.azure.us",
    ".databricks.azure.cn",
    ".gcp.databricks.com",
)
"""The DNS zones that Databricks serves workspaces under (from the environments that Databricks' own SDKs list)."""
SERVER_TEMPLATE = f"https://{{deployment_name}}{ZONES[0]}"
"""The server template of the provider document."""

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
# No user info, query, fragment, percent sign or non-ASCII character: each has been read differently by two parsers.
_URL = r"(https?)://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::([0-9]{1,5}))?((?:/[A-Za-z0-9._~-]+)*)/?"
# Without leading zeros: 010 is 8 for some resolvers and 10 for others.
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"
_LOOPBACK = rf"localhost|::1|127(?:\.{_OCTET}){{3}}"
# Names of Azure and Google Cloud without their zone.
_NUMBERS = r"(?i)(?:adb-)?[0-9]+\.[0-9]+"
_TEMPLATE_ORIGIN = r"(?i)\A[a-z]+://[^/]*"
_VARIABLE = r"\{(\w+)\}"
# A host as it is copied, with what changes nothing about where it leads.
_WRITTEN_HOST = r"([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)(?::443)?/?"
_DEFAULT_PORTS = {"https": 443, "http": 80}
_ALLOWED = (
    "allowed: letters, digits and '-' (at most 63, no '-' at either end), a full host under "
    f"{', '.join(ZONES)}, the host of a profile or of DATABRICKS_HOST, or a name that config.toml maps to a host"
)


@dataclass(frozen=True, slots=True)
class Target:
    """The address of one workspace.

    `host` is in lower case, IPv6 without brackets; `port` is None for the scheme's default; `prefix` precedes every path
    (empty or `/w/x`, no slash at its end); `name` is what results call the workspace, whatever spelling the statement has.
    """

    scheme: str
    host: str
    port: int | None
    prefix: str
    name: str

    @property
    def origin(self) -> str:
        """The text `scheme://host[:port]`, to which a credential is bound."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + (f":{self.port}" if self.port is not None else "")

    @property
    def netloc(self) -> str:
        """The text `host[:port]`, which names an address that has no shorter name."""
        return self.origin.partition("://")[2]

    @property
    def is_loopback(self) -> bool:
        """True for this machine: 127.0.0.0/8, ::1 or localhost."""
        return re.fullmatch(_LOOPBACK, self.host) is not None


def is_label(text: str) -> bool:
    """Return True for one DNS label: ASCII letters, digits and inner hyphens, 1 to 63 characters."""
    return re.fullmatch(_LABEL, text) is not None


def is_databricks_host(host: str) -> bool:
    """Return True for a host name under one of Databricks' zones."""
    lower = host.lower()
    return len(host) <= 253 and all(map(is_label, host.split("."))) and lower.endswith(ZONES)


def is_accounts_console(origin: str) -> bool:
    """Return True if an address is an account console's."""
    target = parse_origin(origin)
    return target is not None and target.host.startswith("accounts.") and is_databricks_host(target.host)


def parse_origin(url: str, name: str = "") -> Target | None:
    """Parse a URL: https, or http on loopback; no user info, query, fragment, dot segment or unusual character.

    Return None for anything else. `name` is the Target's name, by default its host.
    """
    match = re.fullmatch(_URL, url)
    if match is None:
        return None
    scheme, host, digits, path = match.groups()
    port = int(digits) if digits else None
    host = host.lower().strip("[]")
    # Origins are compared as text, so that the default port must not be written out.
    if port == _DEFAULT_PORTS[scheme]:
        port = None
    target = Target(scheme, host, port, path, name or host)
    return target if _is_valid_target(target) else None


def _is_valid_target(target: Target) -> bool:
    is_secure = target.scheme == "https" or target.is_loopback
    is_host = ":" in target.host or (len(target.host) <= 253 and all(map(is_label, target.host.split("."))))
    has_dots = bool({".", ".."} & set(target.prefix.split("/")))
    return is_secure and is_host and not has_dots and (target.port is None or 0 < target.port < 65536)


def _suggest_name(value: str) -> str:
    if re.fullmatch(_NUMBERS, value):
        zone = ".azuredatabricks.net" if value.lower().startswith("adb-") else ".gcp.databricks.com"
        return f"write '{value}{zone}'"
    target = _parse_copied(value)
    name = databricks_name(target) if target is not None else None
    return f"write '{name}'" if name is not None else _ALLOWED


def _quote(text: str) -> str:
    return f"'{escape_unsafe(text[:80])}{'…' if len(text) > 80 else ''}'"


def databricks_name(target: Target) -> str | None:
    """Return what a statement calls a workspace of Databricks: on AWS the label of its host, else the whole host."""
    if target.scheme != "https" or target.port is not None or not is_databricks_host(target.host):
        return None
    # The account console is under the same zones, but is not a workspace.
    return None if target.host.startswith("accounts.") else target.host.removesuffix(ZONES[0])


def _short_label(value: str) -> str:
    """Return the label of a host on AWS, which a template takes; any other text as it is."""
    written = re.fullmatch(_WRITTEN_HOST, value)
    return written[1].lower().removesuffix(ZONES[0]) if written else value


def name_from_url(text: str) -> str:
    """Return the workspace's name in a URL that the user copied from a browser; any other text is returned as it is."""
    target = _parse_copied(text)
    return databricks_name(target) or target.netloc if target is not None else text


def _parse_copied(text: str) -> Target | None:
    return parse_origin(text.strip().partition("?")[0].partition("#")[0])


def _is_named(target: Target) -> bool:
    """Return whether a name can stand for an address that a profile names: one label would be a workspace's on AWS."""
    return not is_label(target.netloc) and not target.host.startswith("accounts.")


def _with_base_path(target: Target, path: str) -> Target:
    """Return an address with the base path of the document's server, unless the user wrote it there."""
    path = path.rstrip("/")
    return target if target.prefix.endswith(path) else replace(target, prefix=target.prefix + path)


class Hosts:
    """The host rule with the user's settings.

    Args:
        endpoint: replaces every server template.
        mapped: config.toml's map from names to https URLs or hosts.
        named: gives the addresses that the user's profiles and DATABRICKS_HOST name, which need no zone: a credential that
            is bound to one of them goes there, and no other does.

    Raises InterfaceError if the endpoint or a mapped address is not a plain https URL (or http on loopback).
    """

    def __init__(
        self,
        endpoint: str | None = None,
        mapped: Mapping[str, str] | None = None,
        named: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        self.endpoint = endpoint
        self._read_named = named
        self._mapped = {name.lower(): self._parse_mapped(name, url) for name, url in (mapped or {}).items()}
        # The shortest alias of an address; the longer ones come first, so that a shorter one replaces them.
        aliases = sorted(self._mapped.values(), key=lambda target: -len(target.name))
        self._aliases = {(target.origin, target.prefix): target.name for target in aliases}
        if endpoint is not None and parse_origin(re.sub(_VARIABLE, "x", endpoint)) is None:
            raise InterfaceError(
                f"the endpoint {_quote(endpoint)} is not a plain https URL (or http on loopback)",
                hint="for example https://{deployment_name}.example.com or http://127.0.0.1:18080/w/{deployment_name}",
            )

    @cached_property
    def _own_hosts(self) -> dict[str, Target]:
        """The addresses that the user's own settings name, by host and port; read only for a name that Databricks does not have."""
        targets = [target for origin in self._read_named() if (target := parse_origin(origin)) is not None]
        return {target.netloc: replace(target, name=target.netloc) for target in reversed(targets) if _is_named(target)}

    def __getstate__(self) -> dict[str, object]:
        """Return what other processes get: the addresses, and not the function that reads them here."""
        return {**self.__dict__, "_own_hosts": self._own_hosts, "_read_named": tuple}

    @staticmethod
    def _parse_mapped(name: str, url: str) -> Target:
        target = parse_origin(url if "://" in url else f"https://{url}", name)
        if target is None:
            raise InterfaceError(
                f"config.toml maps {_quote(name)} to {_quote(url)}, which is not a plain https URL or host name"
            )
        return target

    def find_name(self, origin: str) -> str | None:
        """Return the shortest deployment_name that leads to an address, or None if no name does."""
        target = parse_origin(origin)
        if target is None:
            return None
        named = self._own_hosts.get(target.netloc) if not target.prefix else None
        return self._shortest_name(target) or (named.name if named is not None and named.origin == origin else None)

    def _shortest_name(self, target: Target) -> str | None:
        alias = self._aliases.get((target.origin, target.prefix))
        name = databricks_name(target) if not target.prefix else None
        # A short name that config.toml maps to another host would lead there.
        return alias or (target.host if name is not None and name.lower() in self._mapped else name)

    def canonical_name(self, name: str) -> str:
        """Return what results call a workspace, in whatever spelling it is named; a text that names none stays as it is."""
        try:
            return self.resolve(SERVER_TEMPLATE, {"deployment_name": name}).name
        except HostError:
            return name

    def resolve(self, template: str, values: Mapping[str, str]) -> Target:
        """Resolve a method's server template and the values of its variables to an address.

        Raises HostError, before anything is sent, for every value that is not exactly one allowed host.
        """
        # The user chose the endpoint for this session, so that it needs no zone.
        if self.endpoint is not None:
            return self._fill_template(self.endpoint, {name: _short_label(value) for name, value in values.items()})
        target = self._resolve_whole_value(template, values) or self._check_zone(self._fill_template(template, values))
        is_one_name = len(re.findall(_VARIABLE, template)) == 1
        return replace(target, name=self._shortest_name(target) or target.name) if is_one_name else target

    def _resolve_whole_value(self, template: str, values: Mapping[str, str]) -> Target | None:
        """Resolve a value that replaces the whole host: a mapped name, or a full host for a template `{name}.zone`."""
        names = re.findall(_VARIABLE, template)
        if len(names) != 1 or names[0] not in values:
            return None
        # Only ASCII letters have a lower case here: that of the Kelvin sign is an ordinary k.
        value = values[names[0]].lower() if values[names[0]].isascii() else values[names[0]]
        if value in self._mapped:
            return _with_base_path(self._mapped[value], re.sub(_TEMPLATE_ORIGIN, "", template))
        written = re.fullmatch(_WRITTEN_HOST, value)
        host = written[1] if written else value
        if not is_label(value) and not is_databricks_host(host) and (named := self._find_named(value)) is not None:
            return named
        is_plain = template.lower().rstrip("/").endswith(tuple(f"://{{{names[0].lower()}}}{zone}" for zone in ZONES))
        return Target("https", host, None, "", host) if is_plain and is_databricks_host(host) else None

    def _find_named(self, value: str) -> Target | None:
        plain = value.removesuffix("/")
        return self._own_hosts.get(plain) or self._own_hosts.get(plain.removesuffix(":443"))

    def _check_zone(self, target: Target) -> Target:
        if target.host in self._mapped:
            return _with_base_path(self._mapped[target.host], target.prefix)
        if target.scheme == "https" and target.port is None and is_databricks_host(target.host):
            return target
        raise HostError(
            f"the provider document's server {target.origin} is not under a Databricks zone",
            hint="if a credential may go there, map it in config.toml",
        )

    @staticmethod
    def _fill_template(template: str, values: Mapping[str, str]) -> Target:
        labels: list[str] = []

        def label(match: re.Match[str]) -> str:
            name = match[1]
            if name not in values:
                raise HostError(f"missing value for {name} in the address {_quote(template)}")
            if not is_label(values[name]):
                raise HostError(
                    f"invalid {name}: {_quote(values[name])} is neither one DNS label nor a Databricks host",
                    hint=_suggest_name(values[name]),
                )
            # DNS ignores case, and results and the paths of an endpoint must not depend on it.
            labels.append(values[name].lower())
            return labels[-1]

        target = parse_origin(re.sub(_VARIABLE, label, template), ".".join(labels))
        if target is None:
            raise HostError(f"the address {_quote(template)} is not a plain https URL (or http on loopback)")
        return target
