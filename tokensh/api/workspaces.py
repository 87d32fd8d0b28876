r"""What is known of workspaces: the tables tokensh.local.workspaces and .account_workspaces, and what `\conninfo` tells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import quote, urlsplit

from tokensh._dataclasses import dataclass
from tokensh.api import profiles, response, retry
from tokensh.api.auth import Credentials
from tokensh.api.client import Client
from tokensh.api.hosts import ZONES, Hosts, Target, parse_origin
from tokensh.api.request import Json, Request
from tokensh.environment import Environment
from tokensh.errors import CredentialError, Error, ReplyError
from tokensh.rows import Column, Row

SERVER_TEMPLATE = f"https://{{deployment_name}}{ZONES[0]}"
"""Where a workspace is, as the provider document says."""
TABLE_NAME = "tokensh.local.workspaces"
ACCOUNT_TABLE_NAME = "tokensh.local.account_workspaces"
COLUMNS = (
    Column("deployment_name", "string", f"{TABLE_NAME}.deployment_name"),
    Column("host", "string"),
    Column("profile", "string"),
    Column("auth_type", "string"),
    Column("source", "string"),
    Column("last_used_time", "integer", f"{TABLE_NAME}.last_used_time"),
)
"""Of tokensh.local.workspaces; `last_used_time` in epoch ms. Without a credential auth_type and source are NULL."""
ACCOUNT_COLUMNS = (
    Column("deployment_name", "string", f"{ACCOUNT_TABLE_NAME}.deployment_name"),
    Column("workspace_id", "integer"),
    Column("workspace_name", "string"),
    Column("workspace_status", "string"),
)
"""Of tokensh.local.account_workspaces, whose rows are the account's answer to one request."""


@dataclass(frozen=True, slots=True)
class ConfiguredWorkspace:
    """A workspace that the configuration names, and the profile for its host, if there is one."""

    name: str
    target: Target
    profile: str | None


class Workspaces:
    """Tells of workspaces, their credentials' values aside.

    Args:
        environment: for the profiles.
        hosts: where a name leads.
        credentials: what would sign its requests.
        client: asks the account, and knows which workspaces it has asked.
        mapped: the names of config.toml.
        seeded: the sandbox's workspaces.
    """

    def __init__(  # noqa: PLR0913 (what it knows)
        self,
        environment: Environment,
        hosts: Hosts,
        credentials: Credentials,
        client: Client,
        *,
        mapped: Mapping[str, str],
        sandbox_names: tuple[str, ...] = (),
    ) -> None:
        self._environment = environment
        self._hosts = hosts
        self._credentials = credentials
        self._client = client
        self._mapped = mapped
        self._seeded = sandbox_names

    def resolve(self, name: str) -> Target:
        """The address of a workspace. Raises HostError."""
        return self._hosts.resolve(SERVER_TEMPLATE, {"deployment_name": name})

    def profile_workspace(self) -> str | None:
        """The workspace of the profile that was named. Raises CredentialError where there is no such profile."""
        profile = self._credentials.selected_profile()
        return self._hosts.find_name(profile.origin) if profile else None

    def list_configured(self) -> tuple[ConfiguredWorkspace, ...]:
        """The workspaces that the configuration names and that can be reached, each once."""
        if self._seeded:
            return tuple(ConfiguredWorkspace(name, self.resolve(name), None) for name in self._seeded)
        try:
            found = profiles.read(self._environment)
        except CredentialError:
            found = ()
        names = dict.fromkeys(self._mapped) | dict.fromkeys(
            name for one in found if (name := self._hosts.find_name(one.origin)) is not None
        )
        by_origin = {one.origin: one.name for one in reversed(found)}
        made = []
        for name in names:
            try:
                target = self.resolve(name)
            except Error:
                continue  # the endpoint has no place for it
            made.append(ConfiguredWorkspace(name, target, by_origin.get(target.origin)))
        return tuple(made)

    def list_rows(self, current: str | None, used: Mapping[str, float]) -> Iterator[Row]:
        """The table: the workspaces that are configured or have been used, the session's among them.

        Args:
            current: the session's default.
            used: by name, when a workspace was used, in s since the epoch.
        """
        latest = {
            name: max(used.get(name, 0.0), self._client.last_used.get(name, 0.0))
            for name in {*used, *self._client.last_used}
        }
        known = {one.name: one for one in self.list_configured()}
        for name in dict.fromkeys((*known, *((current,) if current else ()), *sorted(latest))):
            one = known.get(name)
            try:
                target = one.target if one else self.resolve(name)
            except Error:
                continue  # it was used with another endpoint
            last = latest.get(name)
            yield (
                name,
                target.host,
                one.profile if one else None,
                *self._signs(target),
                None if last is None else int(last * 1000),
            )

    def _signs(self, target: Target) -> tuple[str | None, str | None]:
        try:
            credential = self._credentials.for_target(target)
        except Error:
            return None, None  # why not is told when one is needed
        return credential.kind, credential.source

    # ---- the account's own list

    def list_account_rows(self) -> Iterator[Row]:
        """The workspaces of the account, as it lists them. Raises CredentialError, ApiError, ReplyError, NetworkError."""
        here = parse_origin(self._hosts.endpoint.replace("{deployment_name}", "x")) if self._hosts.endpoint else None
        target, account = self._credentials.find_account(here if here is not None and here.is_loopback else None)
        place = Target(target.scheme, target.host, target.port, "", f"account {account}")
        listed = self._client.send(
            Request("GET", place, f"/api/2.0/accounts/{quote(account, safe='')}/workspaces")
        ).body
        if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
            raise ReplyError(f"the account {account} does not answer with a list of workspaces")
        zone = next((zone for zone in ZONES if target.host.endswith(zone)), ZONES[0])
        for at, one in enumerate(listed):
            yield _account_row(one, at, "" if zone == ZONES[0] else zone)  # type: ignore[arg-type] # it was looked at above

    # ---- what a person asks

    def describe_connection(self, name: str) -> Iterator[tuple[str, str]]:
        """What requests to a workspace are sent through and signed with, as pairs of a word and what to say."""
        try:
            target = self.resolve(name)
        except Error as error:
            yield "host", f"none: {error.message}"
            return
        yield "host", f"{target.origin}{target.prefix}"
        try:
            proxy = retry.choose_proxy(self._environment, target).get(target.scheme)
        except Error as error:
            yield "proxy", f"none: {error.message}"
        else:
            # A proxy's address may hold its password.
            yield from (("proxy", urlsplit(one).netloc.rpartition("@")[2]) for one in (proxy,) if one)
        try:
            found, passed = self._credentials.choose(target)
        except CredentialError as error:
            yield "credential", f"none: {error.message}"
            passed = error.looked_at
        else:
            yield "credential", f"{found.kind} from {found.source}"
        yield from (("looked at", one) for one in passed)


def _account_row(one: Mapping[str, Json], at: int, zone: str) -> Row:
    """A workspace of the account; beyond AWS a statement names it by its whole host."""
    name, *others = (response.to_cell(c.type, one.get(c.name), f"$[{at}].{c.name}") for c in ACCOUNT_COLUMNS)
    return f"{name!s}{zone}" if name else None, *others
