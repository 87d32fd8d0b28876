r"""List the known workspaces: the tables tokensh.local.workspaces and .account_workspaces, and what `\conninfo` shows.

Addresses come from configuration and from this session, or from the account itself; the values of credentials never appear.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Protocol

from tokensh._dataclasses import dataclass
from tokensh.api import profiles
from tokensh.api.hosts import SERVER_TEMPLATE, ZONES, Hosts, Target, is_accounts_console, parse_origin
from tokensh.environment import Environment
from tokensh.errors import CredentialError, Error, InterfaceError, ReplyError
from tokensh.provider.model import Field, Method
from tokensh.rows import Column, Row
from tokensh.text import did_you_mean

if TYPE_CHECKING:
    from tokensh.api.auth import Credentials
    from tokensh.api.client import Client

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
"""The columns of tokensh.local.workspaces; `last_used_time` is in epoch ms; without a credential auth_type and source are NULL."""
PROBE_COLUMNS = (
    *COLUMNS,
    Column("answer", "string"),
    Column("user_name", "string"),
    Column("elapsed_ms", "integer"),
)
"""The columns of a list that asks each workspace: `answer` is `ok`, or why it did not answer."""
ACCOUNT_COLUMNS = (
    Column("deployment_name", "string", f"{ACCOUNT_TABLE_NAME}.deployment_name"),
    Column("workspace_id", "integer"),
    Column("workspace_name", "string"),
    Column("workspace_status", "string"),
)
"""The columns of tokensh.local.account_workspaces, whose rows are the account's answer to one request."""
_ACCOUNT_LIST = Method(
    name="the list of the account's workspaces",
    verb="SELECT",
    http_method="GET",
    server="",
    path="",
    parameters=(),
    fields=tuple(Field(column.name, column.type) for column in ACCOUNT_COLUMNS),
    returns_list=True,
)
"""For the reader of replies; the provider document is that of workspaces, and does not have it."""


@dataclass(frozen=True, slots=True)
class ConfiguredWorkspace:
    """A workspace that the configuration names, with the first profile for its host, if any."""

    name: str
    target: Target
    profile: str | None


class RequestParts(Protocol):
    """The parts that a request needs. Each is made when it is first used: most statements of a session send nothing."""

    @property
    def credentials(self) -> Credentials:
        """Choose the credential that signs a workspace's requests."""

    @property
    def client(self) -> Client:
        """Sends requests, and knows which workspaces it has called."""


class Workspaces:
    """The workspaces that a session knows.

    Args:
        environment: where the profiles are read from.
        hosts: resolve names.
        parts: sign and send requests.
        profile: the profile that the user selected.
        mapped: the names of config.toml.
        sandbox_names: the sandbox's workspaces; with these, no others are listed.
    """

    def __init__(  # noqa: PLR0913 (what it knows)
        self,
        environment: Environment,
        hosts: Hosts,
        parts: RequestParts,
        *,
        profile: str | None,
        mapped: Mapping[str, str],
        sandbox_names: tuple[str, ...] = (),
    ) -> None:
        self._environment = environment
        self._hosts = hosts
        self._parts = parts
        self._profile = profile
        self._mapped_names = mapped
        self._seeded = sandbox_names

    def resolve(self, name: str) -> Target:
        """Return the address of a workspace. Raises HostError."""
        return self._hosts.resolve(SERVER_TEMPLATE, {"deployment_name": name})

    def check(self, name: str) -> None:
        """Raise an error if no request could be sent to a workspace: HostError, CredentialError, InterfaceError."""
        target = self.resolve(name)
        if self._seeded and target.name not in self._seeded:
            hint = did_you_mean(name, self._seeded) or f"it has {', '.join(self._seeded)}"
            raise InterfaceError(f"the sandbox has no workspace {name!r}", hint=hint)
        self._parts.credentials.for_target(target)

    def profile_workspace(self) -> str | None:
        """Return the name of the selected profile's workspace. Raises CredentialError if the profile does not exist."""
        profile = profiles.find_selected(self._environment, self._profile)
        return self._hosts.find_name(profile.origin) if profile else None

    def is_selection_unusable(self) -> bool:
        """Return whether the selected profile's host leads nowhere: no other workspace is then what the user meant."""
        try:
            profile = profiles.find_selected(self._environment, self._profile)
        except CredentialError:
            return False
        return profile is not None and bool(profile.describe_host())

    def variable_workspace(self) -> str | None:
        """Return the name of DATABRICKS_HOST's workspace, None without one."""
        host = self._environment.get("DATABRICKS_HOST")
        return self._hosts.find_name(profiles.normalize_host(host)) if host else None

    def default_workspace(self, *, with_profile: bool) -> str | None:
        """Return the workspace of DATABRICKS_HOST, and if that is not set, that of the default profile if wanted."""
        if self._environment.get("DATABRICKS_HOST") or not with_profile:
            return self.variable_workspace()
        try:
            profile = profiles.default_profile(self._environment)
        except CredentialError:
            return None  # it is raised when a credential is needed
        return self._hosts.find_name(profile.origin) if profile is not None else None

    def explain_no_default(self) -> Iterator[str]:
        """Yield what could have named the session's workspace, and why it does not."""
        try:
            profile = profiles.find_selected(self._environment, self._profile)
            if profile is not None:
                yield f"profile {profile.name!r}: {self._explain_host(profile.origin, profile.describe_host())}"
        except CredentialError as error:
            yield error.message
        if host := self._environment.get("DATABRICKS_HOST"):
            origin = profiles.normalize_host(host)
            problem = "" if origin else profiles.describe_host_problem(host)
            yield f"DATABRICKS_HOST: {self._explain_host(origin, problem)}"
        elif self._profile is None:
            yield f"DATABRICKS_HOST is not set; {profiles.describe_file(self._environment)}"

    def _explain_host(self, origin: str, problem: str) -> str:
        if problem:
            return problem
        host = origin.partition("://")[2]
        if is_accounts_console(origin):
            return f"its host {host} is an account's, not a workspace's"
        return f"its host {host} is the workspace {self._hosts.find_name(origin) or '(none: map it in config.toml)'}"

    # Nothing here raises for a broken configuration: a listing that fails helps less than one that lacks
    # a row, and the error comes, with its reason, when the workspace is used.
    def list_configured(self, default: str | None = None) -> tuple[ConfiguredWorkspace, ...]:
        """Return the workspaces that the configuration names and the endpoint can reach, and `default`, each address once."""
        if self._seeded:
            return tuple(ConfiguredWorkspace(name, self.resolve(name), None) for name in self._seeded)
        try:
            known_profiles = profiles.read(self._environment)
        except CredentialError:
            known_profiles = ()  # the error is raised when a credential is needed
        names = (
            *self._mapped_names,
            *(name for profile in known_profiles if (name := self._hosts.find_name(profile.origin)) is not None),
            *filter(None, (self.variable_workspace(), default)),
        )
        # Reversed, so that the first profile of an address wins.
        profile_names = {profile.origin: profile.name for profile in reversed(known_profiles)}
        workspaces: dict[tuple[str, str], ConfiguredWorkspace] = {}
        for name in names:
            try:
                target = self.resolve(name)
            except Error:
                continue  # the endpoint's template does not take this name
            workspace = ConfiguredWorkspace(target.name, target, profile_names.get(target.origin))
            workspaces.setdefault((target.origin, target.prefix), workspace)
        return tuple(workspaces.values())

    def list_rows(self, default: str | None, used: Mapping[str, float]) -> Iterator[Row]:
        """Yield the rows of tokensh.local.workspaces, one per address.

        Args:
            default: the workspace that the session was opened with.
            used: the time of the last use by name, in s since the epoch. It tells when, never which: a name that was typed
                once must not get a credential from a later query of all workspaces.
        """
        latest: dict[str, float] = {}
        for name, last_used in (*used.items(), *self._parts.client.last_used.items()):
            known = self._hosts.canonical_name(name)
            latest[known] = max(last_used, latest.get(known, 0.0))
        for workspace in self.list_configured(default):
            last = latest.get(workspace.name)
            yield (
                workspace.name,
                workspace.target.host,
                workspace.profile,
                *self._describe_credential(workspace.target),
                None if last is None else int(last * 1000),
            )

    def probe(self, name: str) -> None:
        """Send a harmless request to a workspace. Raises Error if it does not answer, or refuses the credential."""
        from tokensh.api.probe import probe_request  # noqa: PLC0415 (few sessions need it)

        with closing(self._parts.client.fetch([probe_request(self.resolve(name))])) as answers:
            for answer in answers:
                if isinstance(answer, Error):
                    raise answer

    def list_probed_rows(self, default: str | None, used: Mapping[str, float]) -> Iterator[Row]:
        """Yield the same rows with what each workspace answers to a harmless request; one is sent to each, in parallel."""
        from tokensh.api.probe import probe_request, read_user_name  # noqa: PLC0415 (needed for this alone)

        requests = [probe_request(workspace.target) for workspace in self.list_configured(default)]
        rows = self.list_rows(default, used)
        with closing(self._parts.client.fetch(requests)) as answers:
            for row, answer in zip(rows, answers, strict=True):
                if isinstance(answer, Error):
                    yield (*row, answer.message, None, None)
                else:
                    yield (*row, "ok", read_user_name(answer), int(answer.elapsed * 1000))

    def _describe_credential(self, target: Target) -> tuple[str | None, str | None]:
        try:
            credential = self._parts.credentials.for_target(target)
        except Error:
            return None, None  # the reason is raised when a credential is needed
        return credential.kind, credential.source

    # ---- the account's own list

    # The only listing here whose rows are the answer to a request, so it is a table of its own.
    def list_account_rows(self) -> Iterator[Row]:
        """Yield the account's workspaces. Raises CredentialError, ApiError, ReplyError, NetworkError."""
        from urllib.parse import quote  # noqa: PLC0415 (most sessions list no account)

        from tokensh.api import response  # noqa: PLC0415 (the same)
        from tokensh.api.request import Request  # noqa: PLC0415 (the same)

        endpoint = (
            parse_origin(self._hosts.endpoint.replace("{deployment_name}", "x")) if self._hosts.endpoint else None
        )
        target, account = self._parts.credentials.find_account(
            endpoint if endpoint is not None and endpoint.is_loopback else None
        )
        console = Target(target.scheme, target.host, target.port, "", f"account {account}")
        path = f"/api/2.0/accounts/{quote(account, safe='')}/workspaces"
        try:
            answer = self._parts.client.send(Request("GET", console, path))
        except ReplyError as error:
            raise error.with_context(hint="is the account's id right, and its host reachable from here?") from None
        listed = response.find_rows(_ACCOUNT_LIST, answer)
        if response.describe_next_page(_ACCOUNT_LIST, answer):
            raise ReplyError(f"the account {account} answered with the first of several pages of its workspaces")
        # The account lists short names; they are names of its own cloud's zone.
        zone = next((zone for zone in ZONES if target.host.endswith(zone)), ZONES[0])
        suffix = "" if zone == ZONES[0] else zone
        for index, item in enumerate(listed):
            name, *others = (
                response.to_cell(column.type, item.get(column.name), f"$[{index}].{column.name}")
                for column in ACCOUNT_COLUMNS
            )
            yield f"{name!s}{suffix}" if name else None, *others

    # ---- \\conninfo

    def describe_connection(self, name: str) -> Iterator[tuple[str, str]]:
        """Yield how requests to a workspace are sent and signed, as pairs of a label and a text."""
        from urllib.parse import urlsplit  # noqa: PLC0415 (needed for this alone)

        from tokensh.api.retry import choose_proxy  # noqa: PLC0415 (needed for this alone)

        try:
            target = self.resolve(name)
        except Error as error:
            yield "host", f"none: {error.message}"
            return
        yield "host", f"{target.origin}{target.prefix}"
        try:
            proxy = choose_proxy(self._environment, target).get(target.scheme)
        except Error as error:
            yield "proxy", f"none: {error.message}"
        else:
            if proxy:
                yield "proxy", urlsplit(proxy).netloc.rpartition("@")[2]  # without the proxy's password
        try:
            credential, skipped = self._parts.credentials.choose(target)
        except CredentialError as error:
            yield "credential", f"none: {error.message}"
            skipped = error.looked_at
        else:
            yield "credential", f"{credential.kind} from {credential.source}"
        yield from (("looked at", reason) for reason in skipped)
