"""Where a request may go: a workspace's name becomes one host, or an error; never a guess and never a default."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tokensh._dataclasses import dataclass
from tokensh.errors import HostError, InterfaceError
from tokensh.text import escape_unsafe

ZONES = (
    ".cloud.databricks.com",
    ".cloud.databricks.us",
    ".dev.databricks.com",
    ".azuredatabricks.net",
    ".databricks.azure.us",
    ".databricks.azure.cn",
    ".gcp.databricks.com",
)
"""The DNS zones that Databricks serves workspaces under (from the environments that Databricks' own SDKs list)."""

_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_URL = re.compile(r"(https?)://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::([0-9]{1,5}))?((?:/[A-Za-z0-9._~-]+)*)/?")
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"
_LOOPBACK = re.compile(rf"localhost|::1|127(?:\.{_OCTET}){{3}}")
_VARIABLE = re.compile(r"\{(\w+)\}")
_DEFAULT_PORTS = {"https": 443, "http": 80}
_ALLOWED = (
    "allowed: letters, digits and '-' (at most 63, no '-' at either end), a full host under "
    f"{', '.join(ZONES)}, or a name that config.toml maps to a host"
)


@dataclass(frozen=True, slots=True)
class Target:
    """One workspace's address. `host` is in lower case, IPv6 without brackets; `port` None is the scheme's own.

    `prefix` stands before every path (`` or `/w/x`, no slash at its end); `name` is what the statement called it.
    """

    scheme: str
    host: str
    port: int | None
    prefix: str
    name: str

    @property
    def origin(self) -> str:
        """`scheme://host[:port]`, the thing a credential is bound to."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + (f":{self.port}" if self.port is not None else "")

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine: 127.0.0.0/8, ::1 or localhost."""
        return _LOOPBACK.fullmatch(self.host) is not None


def is_label(text: str) -> bool:
    """Whether a text is one DNS label: ASCII letters, digits and inner hyphens, 1 to 63 characters."""
    return _LABEL.fullmatch(text) is not None


def is_databricks_host(host: str) -> bool:
    """Whether a text is a host name under one of Databricks' zones."""
    lower = host.lower()
    return len(host) <= 253 and all(map(is_label, host.split("."))) and lower.endswith(ZONES)


def parse_origin(url: str, name: str = "") -> Target | None:
    """Take a URL apart: https, or http on loopback; no user info, query, fragment, dot segment or odd character.

    None where it is anything else. `name` is the Target's name; by default its host.
    """
    match = _URL.fullmatch(url)
    if match is None:
        return None
    scheme, host, digits, path = match.groups()
    port = int(digits) if digits else None
    plain = host.lower().strip("[]")
    if port == _DEFAULT_PORTS[scheme]:
        port = None
    target = Target(scheme, plain, port, path, name or plain)
    return target if _is_sound(target) else None


def _is_sound(target: Target) -> bool:
    secure = target.scheme == "https" or target.is_loopback
    named = ":" in target.host or (len(target.host) <= 253 and all(map(is_label, target.host.split("."))))
    straight = not {".", ".."} & set(target.prefix.split("/"))
    return secure and named and straight and (target.port is None or 0 < target.port < 65536)


def _advice(value: str) -> str:
    return _ALLOWED if (name := name_from_url(value)) == value else f"write '{name}'"


def _shown(text: str) -> str:
    return f"'{escape_unsafe(text[:80])}{'…' if len(text) > 80 else ''}'"


def databricks_name(target: Target) -> str | None:
    """What a statement calls a workspace of Databricks: the label of its host on AWS, else the whole host."""
    if target.scheme != "https" or target.port is not None or not is_databricks_host(target.host):
        return None
    return None if target.host.startswith("accounts.") else target.host.removesuffix(ZONES[0])


def name_from_url(text: str) -> str:
    """What a statement calls the workspace of a URL, as people copy it from a browser; any other text as it is."""
    target = parse_origin(text.strip().partition("?")[0].partition("#")[0])
    return (databricks_name(target) if target is not None else None) or text


class Hosts:
    """The host rule. `endpoint` replaces every server template; `mapped` is config.toml's name -> https URL or host.

    Raises InterfaceError where the endpoint or a mapped address is not https (or http on loopback) or is no plain URL.
    """

    def __init__(self, endpoint: str | None = None, mapped: Mapping[str, str] | None = None) -> None:
        self.endpoint = endpoint
        self._mapped = {name.lower(): self._read_mapped(name, url) for name, url in (mapped or {}).items()}
        if endpoint is not None and parse_origin(_VARIABLE.sub("x", endpoint)) is None:
            raise InterfaceError(
                f"the endpoint {_shown(endpoint)} is not a plain https URL (or http on loopback)",
                hint="for example https://{deployment_name}.example.com or http://127.0.0.1:18080/w/{deployment_name}",
            )

    @staticmethod
    def _read_mapped(name: str, url: str) -> Target:
        target = parse_origin(url if "://" in url else f"https://{url}", name)
        if target is None:
            raise InterfaceError(
                f"config.toml maps {_shown(name)} to {_shown(url)}, which is not a plain https URL or host name"
            )
        return target

    def find_name(self, origin: str) -> str | None:
        """The deployment_name that leads to an address, as short as it can be; None where none does."""
        mapped = next((one.name for one in self._mapped.values() if one.origin == origin), None)
        target = parse_origin(origin)
        return mapped or (databricks_name(target) if target is not None and not target.prefix else None)

    def resolve(self, template: str, values: Mapping[str, str]) -> Target:
        """The address for a method's server template and the values of its variables.

        Raises HostError, before anything is sent, for every value that is not exactly one allowed host.
        """
        if self.endpoint is not None:
            return self._fill(self.endpoint, values)
        whole = self._whole_host(template, values)
        return whole or self._within_rule(self._fill(template, values))

    def _whole_host(self, template: str, values: Mapping[str, str]) -> Target | None:
        """A template's only variable may hold a mapped name, or a full host in the place of `{name}.zone`."""
        names = _VARIABLE.findall(template)
        if len(names) != 1 or names[0] not in values:
            return None
        value = values[names[0]]
        if value.lower() in self._mapped:
            return self._mapped[value.lower()]
        is_plain = template.lower().rstrip("/").endswith(tuple(f"://{{{names[0].lower()}}}{zone}" for zone in ZONES))
        return Target("https", value.lower(), None, "", value) if is_plain and is_databricks_host(value) else None

    def _within_rule(self, target: Target) -> Target:
        if target.host in self._mapped:
            return self._mapped[target.host]
        if target.scheme == "https" and target.port is None and is_databricks_host(target.host):
            return target
        raise HostError(
            f"the provider document's server {target.origin} is not under a Databricks zone",
            hint="if a credential may go there, map it in config.toml",
        )

    @staticmethod
    def _fill(template: str, values: Mapping[str, str]) -> Target:
        given: list[str] = []

        def label(match: re.Match[str]) -> str:
            name = match[1]
            if name not in values:
                raise HostError(f"no value for {name}, which the address {_shown(template)} needs")
            if not is_label(values[name]):
                raise HostError(
                    f"{name} {_shown(values[name])} is neither one DNS label nor a host of Databricks",
                    hint=_advice(values[name]),
                )
            given.append(values[name])
            return values[name]

        target = parse_origin(_VARIABLE.sub(label, template), ".".join(given))
        if target is None:
            raise HostError(f"the address {_shown(template)} is not a plain https URL (or http on loopback)")
        return target
