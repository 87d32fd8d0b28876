"""Which credential may go to which workspace. One that is bound to host A is never sent to host B."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import cached_property
from urllib.parse import urlsplit

from tokensh._dataclasses import dataclass, field
from tokensh.api import oauth, profiles
from tokensh.api.hosts import Target, is_databricks_host, parse_origin
from tokensh.api.oauth import FetchJson, OAuthToken, RenewableToken, ServicePrincipal
from tokensh.api.profiles import Profile
from tokensh.environment import Environment
from tokensh.errors import CredentialError
from tokensh.text import nearest

_NAMED = 5
"""Profiles that a message names."""


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A personal access token, or any other bearer that cannot be renewed."""

    value: str = field(repr=False)
    source: str
    kind: str = "pat"

    def get_token(self) -> str:
        """The token itself."""
        return self.value

    def refresh(self, rejected: str) -> bool:  # noqa: ARG002 (Credential has it)
        """There is no other one."""
        return False


@dataclass(frozen=True, slots=True)
class ConfiguredCredential:
    """A credential as it was set, before it is asked for a workspace.

    `origin` is the address it is bound to; empty: any of Databricks' and this machine. `account_id` is of the account whose
    workspaces it may list.
    """

    secret: str | ServicePrincipal = field(repr=False)
    source: str
    origin: str = ""
    account_id: str = ""

    def reason_not_allowed(self, target: Target) -> str | None:
        """Why it may not be sent to an address; None: it may."""
        bound = f"it belongs to {self.origin}, which is another host"
        if self.origin == target.origin:
            return None
        if _is_accounts_console(target.origin) and not self._is_accounts:
            return bound if self.origin else "it is a workspace's, not an account's"
        if self.origin:
            of_account = (
                self._is_accounts and _is_databricks_or_local(target) and self.origin == oauth.accounts_origin(target)
            )
            return None if of_account else bound
        if _is_databricks_or_local(target):
            return None
        return f"{target.host} is no host of Databricks; DATABRICKS_HOST or a profile must name it"

    @property
    def _is_accounts(self) -> bool:
        """Whether it is good for every workspace of an account: a service principal's at the account's own host."""
        return isinstance(self.secret, ServicePrincipal) and bool(self.secret.account_id)


class Credentials:
    """Chooses the credential for an address: a profile of its host, else the environment's, else the Databricks CLI's.

    Args:
        environment: the variables DATABRICKS_* and the home folder.
        fetch_json: asks OAuth endpoints.
        profile: only this profile of ~/.databrickscfg may be used (DATABRICKS_CONFIG_PROFILE does the same).
        given: only this credential may be used.

    Several threads may use it.
    """

    def __init__(
        self,
        environment: Environment,
        *,
        fetch_json: FetchJson,
        profile: str | None = None,
        explicit: ConfiguredCredential | None = None,
    ) -> None:
        self._environment = environment
        self.profile = profile or environment.get("DATABRICKS_CONFIG_PROFILE") or None
        self._given = explicit
        self._renewable: dict[tuple[str, ...], RenewableToken] = {}
        self._lock = threading.Lock()
        self._fetch_json = fetch_json

    def for_target(self, target: Target) -> AccessToken | RenewableToken:
        """The credential for an address.

        Raises CredentialError that names what was looked at, where there is none.
        """
        return self.choose(target)[0]

    def choose(self, target: Target) -> tuple[AccessToken | RenewableToken, tuple[str, ...]]:
        """The credential for an address, and why those before it were not taken. Raises CredentialError."""
        looked_at: list[str] = []
        for found in self._candidates(target, looked_at):
            return found, tuple(looked_at)
        raise CredentialError(
            f"no credential for {target.host}",
            looked_at=tuple(looked_at),
            hint=f"set DATABRICKS_TOKEN, or add a profile with host = {target.origin} to ~/.databrickscfg",
        )

    def selected_profile(self) -> Profile | None:
        """The one profile that may be used. Raises CredentialError where there is none of its name."""
        if self.profile is None:
            return None
        path, known = profiles.config_file(self._environment), profiles.read(self._environment)
        found = next((one for one in known if one.name == self.profile), None)
        if found is not None:
            return found
        near = nearest(self.profile, [one.name for one in known])
        hint = f"did you mean {near!r}?" if near else f"it has {_names(known)}" if known else "it is empty or not there"
        raise CredentialError(f"{path} has no profile {self.profile!r}", looked_at=(str(path),), hint=hint)

    def _candidates(self, target: Target, looked_at: list[str]) -> Iterator[AccessToken | RenewableToken]:
        if self._given is not None:
            yield from self._of_setting(self._given, target, looked_at)
        elif (profile := self.selected_profile()) is not None:
            yield self._named(target, profile)
        else:
            yield from self._profiles(target, looked_at)
            for setting in self._variables(looked_at):
                yield from self._of_setting(setting, target, looked_at)
            yield from self._command_line(target, looked_at)

    def _of_setting(
        self, setting: ConfiguredCredential, target: Target, looked_at: list[str]
    ) -> Iterator[AccessToken | RenewableToken]:
        if (why := setting.reason_not_allowed(target)) is not None:
            looked_at.append(f"{setting.source}: {why}")
        elif isinstance(setting.secret, ServicePrincipal):
            yield self._machine(setting.secret, target, setting.source)
        else:
            yield AccessToken(setting.secret, setting.source)

    # ---- profiles

    def _named(self, target: Target, profile: Profile) -> AccessToken | RenewableToken:
        setting = self._setting(profile)
        if profile.origin != target.origin and (setting is None or setting.reason_not_allowed(target)):
            raise CredentialError(
                f"profile {profile.name!r} is for {profile.origin or 'no host'}, not for {target.origin}",
                looked_at=(str(profiles.config_file(self._environment)),),
                hint="without -p and DATABRICKS_CONFIG_PROFILE the profile of the workspace's host is looked for",
            )
        return self._of_profile(profile, target)

    def _of_profile(self, profile: Profile, target: Target) -> AccessToken | RenewableToken:
        source = f"profile {profile.name}"
        setting = self._setting(profile)
        if setting is not None:
            for found in self._of_setting(setting, target, []):
                return found
        kind, program = profile.get("auth_type"), self._cli_program
        if kind not in ("", "databricks-cli"):
            raise CredentialError(
                f"profile {profile.name!r} has auth_type = {kind}, which is not offered",
                looked_at=(source,),
                hint="a token, a client_id with its client_secret, or a login of the Databricks CLI can be used",
            )
        if program is None:
            raise CredentialError(
                f"profile {profile.name!r} has neither a token nor a client_id and client_secret",
                looked_at=(source,),
                hint="with the Databricks CLI on PATH its logins are used too",
            )
        return self._cli(program, ("--profile", profile.name), f"databricks auth token, {source}")

    def _setting(self, profile: Profile) -> ConfiguredCredential | None:
        """What a profile says outright: its token, or its client id and secret; `auth_type` picks one."""
        get, source, kind = profile.get, f"profile {profile.name}", profile.get("auth_type")
        # One that names no host, or none that can be read, is bound to nothing that is.
        origin = profile.origin or "no host"
        if get("token") and kind in ("", "pat"):
            self._refuse_exposed(profile)
            return ConfiguredCredential(get("token"), source, origin)
        if get("client_id") and get("client_secret") and kind in ("", "oauth-m2m"):
            self._refuse_exposed(profile)
            account = get("account_id") if _is_accounts_console(profile.origin) else ""
            machine = ServicePrincipal(get("client_id"), get("client_secret"), account)
            return ConfiguredCredential(machine, source, origin, get("account_id"))
        return None

    def _refuse_exposed(self, profile: Profile) -> None:
        """A secret that others can read may be anybody's by now: as psql and ssh do, say so instead of using it."""
        if profile.exposed:
            path = profiles.config_file(self._environment)
            raise CredentialError(
                f"{path} holds a secret and can be read by others; it is not used",
                looked_at=(f"profile {profile.name}",),
                hint=f"chmod 600 {path}",
            )

    def _profiles(self, target: Target, looked_at: list[str]) -> Iterator[AccessToken | RenewableToken]:
        own = profiles.for_origin(self._environment, target.origin)
        for one in own:
            if self._setting(one) is not None or (one.get("auth_type") == "databricks-cli" and self._cli_program):
                yield self._of_profile(one, target)
            else:
                looked_at.append(f"profile {one.name}: it has no credential that can be used")
        if not own:
            path, known = profiles.config_file(self._environment), profiles.read(self._environment)
            has = f"it has {_names(known)}" if known else "it is empty or not there"
            looked_at.append(f"{path}: no profile with host = {target.origin}; {has}")

    # ---- the environment

    def _variables(self, looked_at: list[str]) -> Iterator[ConfiguredCredential]:
        get = self._environment.get
        token, client_id, secret = (get(f"DATABRICKS_{name}") for name in ("TOKEN", "CLIENT_ID", "CLIENT_SECRET"))
        kind, host, account = (get(f"DATABRICKS_{name}") for name in ("AUTH_TYPE", "HOST", "ACCOUNT_ID"))
        # A host that cannot be read binds to nothing that is.
        origin = (profiles.normalize_host(host) or host) if host else ""
        if not token and not (client_id and secret):
            looked_at.append("DATABRICKS_TOKEN, and DATABRICKS_CLIENT_ID with DATABRICKS_CLIENT_SECRET: not set")
        elif kind not in ("", "pat", "oauth-m2m"):
            looked_at.append(f"DATABRICKS_AUTH_TYPE: {kind} is not what the other variables hold")
        if token and kind in ("", "pat"):
            yield ConfiguredCredential(token, "DATABRICKS_TOKEN", origin)
        if client_id and secret and kind in ("", "oauth-m2m"):
            yield ConfiguredCredential(
                ServicePrincipal(client_id, secret, account), "DATABRICKS_CLIENT_ID", origin, account
            )

    # ---- the Databricks CLI

    @cached_property
    def _cli_program(self) -> str | None:
        # Looked for once: hundreds of workspaces would look through PATH.
        return oauth.find_cli(self._environment)

    def _command_line(self, target: Target, looked_at: list[str]) -> Iterator[RenewableToken]:
        """What the Databricks CLI has for a host: asked last, for it takes a second."""
        program = self._cli_program
        if program is None:
            looked_at.append("databricks auth token: the Databricks CLI is not on PATH")
        elif not target.is_loopback and is_databricks_host(target.host):
            yield self._cli(program, ("--host", target.origin), "databricks auth token", tuple(looked_at))

    # ---- the account

    def find_account(self, emulator: Target | None) -> tuple[Target, str]:
        """The account whose workspaces can be listed: its address, and its id.

        Args:
            emulator: the emulator to ask instead of Databricks, if any.

        Raises CredentialError where no credential is an account's.
        """
        looked_at: list[str] = []
        for setting in self._of_accounts(looked_at):
            target = emulator or parse_origin(
                setting.origin if _is_accounts_console(setting.origin) else oauth.ACCOUNTS_ORIGIN
            )
            if target is not None and (why := setting.reason_not_allowed(target)) is None:
                return target, setting.account_id
            looked_at.append(f"{setting.source}: {why}")
        raise CredentialError(
            "no credential for an account",
            looked_at=tuple(looked_at),
            hint="set DATABRICKS_ACCOUNT_ID, DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET of a service principal",
        )

    def _of_accounts(self, looked_at: list[str]) -> Iterator[ConfiguredCredential]:
        named = self.selected_profile()
        for one in (self._given,) if self._given else (self._setting(named),) if named else self._variables(looked_at):
            if one is not None and one.account_id:
                yield one
            elif one is not None:
                looked_at.append(f"{one.source}: no account id goes with it")
        for profile in () if self._given or named else profiles.read(self._environment):
            setting = self._setting(profile)
            if setting is not None and setting.account_id and _is_accounts_console(setting.origin):
                yield setting

    # ---- credentials that are renewed, one object for each place they are good for

    def _machine(self, machine: ServicePrincipal, target: Target, source: str) -> RenewableToken:
        place = oauth.accounts_origin(target) if machine.account_id else f"{target.origin}{target.prefix}"

        def obtain() -> OAuthToken:
            return oauth.request_token(self._fetch_json, machine, target, source, self._environment.now)

        return self._kept(("oauth-m2m", source, place), obtain)

    def _cli(
        self, program: str, arguments: tuple[str, ...], source: str, looked_at: tuple[str, ...] = ()
    ) -> RenewableToken:
        def obtain() -> OAuthToken:
            return oauth.request_cli_token(self._environment, program, arguments, (*looked_at, source))

        return self._kept(("databricks-cli", source, *arguments), obtain)

    def _kept(self, key: tuple[str, ...], obtain: Callable[[], OAuthToken]) -> RenewableToken:
        with self._lock:
            if key not in self._renewable:
                self._renewable[key] = RenewableToken(key[0], key[1], obtain, self._environment.now)
            return self._renewable[key]


def _is_databricks_or_local(target: Target) -> bool:
    """Whether a credential that names no host may go there: to Databricks, or this machine."""
    return target.is_loopback or (target.scheme == "https" and is_databricks_host(target.host))


def _is_accounts_console(origin: str) -> bool:
    """Whether an address is the console of accounts."""
    host = urlsplit(origin).hostname or ""
    return host.startswith("accounts.") and is_databricks_host(host)


def _names(known: tuple[Profile, ...]) -> str:
    shown = ", ".join(f"{one.name} ({urlsplit(one.origin).hostname or 'no host'})" for one in known[:_NAMED])
    return shown + (f" and {len(known) - _NAMED} more" if len(known) > _NAMED else "")
