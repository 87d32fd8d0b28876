"""Which credential may go to which workspace. One that is bound to host A is never sent to host B."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import cached_property
from urllib.parse import urlsplit

from tokensh._dataclasses import dataclass, field
from tokensh.api import oauth, profiles
from tokensh.api.hosts import Target, in_zone, parse_origin
from tokensh.api.oauth import FetchJson, Granted, Machine, Renewable
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

    def token(self) -> str:
        """The token itself."""
        return self.value

    def refresh(self, rejected: str) -> bool:  # noqa: ARG002 (Credential has it)
        """There is no other one."""
        return False


@dataclass(frozen=True, slots=True)
class Setting:
    """A credential as it was set, before it is asked for a workspace.

    `origin` is the address it is bound to; empty: any of Databricks' and this machine. `account_id` is of the account whose
    workspaces it may list.
    """

    secret: str | Machine = field(repr=False)
    source: str
    origin: str = ""
    account_id: str = ""

    def unfit_for(self, target: Target) -> str | None:
        """Why it may not be sent to an address; None: it may."""
        bound = f"it belongs to {self.origin}, which is another host"
        if self.origin == target.origin:
            return None
        if _is_accounts(target.origin) and not self._is_accounts:
            return bound if self.origin else "it is a workspace's, not an account's"
        if self.origin:
            of_account = self._is_accounts and _at_home(target) and self.origin == oauth.accounts_origin(target)
            return None if of_account else bound
        if _at_home(target):
            return None
        return f"{target.host} is no host of Databricks; DATABRICKS_HOST or a profile must name it"

    @property
    def _is_accounts(self) -> bool:
        """Whether it is good for every workspace of an account: a service principal's at the account's own host."""
        return isinstance(self.secret, Machine) and bool(self.secret.account_id)


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
        given: Setting | None = None,
    ) -> None:
        self._environment = environment
        self.profile = profile or environment.get("DATABRICKS_CONFIG_PROFILE") or None
        self._given = given
        self._renewable: dict[tuple[str, ...], Renewable] = {}
        self._lock = threading.Lock()
        self._fetch_json = fetch_json

    def for_target(self, target: Target) -> AccessToken | Renewable:
        """The credential for an address.

        Raises CredentialError that names what was looked at, where there is none.
        """
        return self.choice(target)[0]

    def choice(self, target: Target) -> tuple[AccessToken | Renewable, tuple[str, ...]]:
        """The credential for an address, and why those before it were not taken. Raises CredentialError."""
        looked_at: list[str] = []
        for found in self._candidates(target, looked_at):
            return found, tuple(looked_at)
        raise CredentialError(
            f"no credential for {target.host}",
            looked_at=tuple(looked_at),
            hint=f"set DATABRICKS_TOKEN, or add a profile with host = {target.origin} to ~/.databrickscfg",
        )

    def named_profile(self) -> Profile | None:
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

    def _candidates(self, target: Target, looked_at: list[str]) -> Iterator[AccessToken | Renewable]:
        if self._given is not None:
            yield from self._of_setting(self._given, target, looked_at)
        elif (profile := self.named_profile()) is not None:
            yield self._named(target, profile)
        else:
            yield from self._profiles(target, looked_at)
            for setting in self._variables(looked_at):
                yield from self._of_setting(setting, target, looked_at)
            yield from self._command_line(target, looked_at)

    def _of_setting(self, setting: Setting, target: Target, looked_at: list[str]) -> Iterator[AccessToken | Renewable]:
        if (why := setting.unfit_for(target)) is not None:
            looked_at.append(f"{setting.source}: {why}")
        elif isinstance(setting.secret, Machine):
            yield self._machine(setting.secret, target, setting.source)
        else:
            yield AccessToken(setting.secret, setting.source)

    # ---- profiles

    def _named(self, target: Target, profile: Profile) -> AccessToken | Renewable:
        setting = self._setting(profile)
        if profile.origin != target.origin and (setting is None or setting.unfit_for(target)):
            raise CredentialError(
                f"profile {profile.name!r} is for {profile.origin or 'no host'}, not for {target.origin}",
                looked_at=(str(profiles.config_file(self._environment)),),
                hint="without -p and DATABRICKS_CONFIG_PROFILE the profile of the workspace's host is looked for",
            )
        return self._of_profile(profile, target)

    def _of_profile(self, profile: Profile, target: Target) -> AccessToken | Renewable:
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

    def _setting(self, profile: Profile) -> Setting | None:
        """What a profile says outright: its token, or its client id and secret; `auth_type` picks one."""
        get, source, kind = profile.get, f"profile {profile.name}", profile.get("auth_type")
        # One that names no host, or none that can be read, is bound to nothing that is.
        origin = profile.origin or "no host"
        if get("token") and kind in ("", "pat"):
            self._refuse_exposed(profile)
            return Setting(get("token"), source, origin)
        if get("client_id") and get("client_secret") and kind in ("", "oauth-m2m"):
            self._refuse_exposed(profile)
            account = get("account_id") if _is_accounts(profile.origin) else ""
            machine = Machine(get("client_id"), get("client_secret"), account)
            return Setting(machine, source, origin, get("account_id"))
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

    def _profiles(self, target: Target, looked_at: list[str]) -> Iterator[AccessToken | Renewable]:
        own = profiles.of_origin(self._environment, target.origin)
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

    def _variables(self, looked_at: list[str]) -> Iterator[Setting]:
        get = self._environment.get
        token, client_id, secret = (get(f"DATABRICKS_{name}") for name in ("TOKEN", "CLIENT_ID", "CLIENT_SECRET"))
        kind, host, account = (get(f"DATABRICKS_{name}") for name in ("AUTH_TYPE", "HOST", "ACCOUNT_ID"))
        # A host that cannot be read binds to nothing that is.
        origin = (profiles.origin_of(host) or host) if host else ""
        if not token and not (client_id and secret):
            looked_at.append("DATABRICKS_TOKEN, and DATABRICKS_CLIENT_ID with DATABRICKS_CLIENT_SECRET: not set")
        elif kind not in ("", "pat", "oauth-m2m"):
            looked_at.append(f"DATABRICKS_AUTH_TYPE: {kind} is not what the other variables hold")
        if token and kind in ("", "pat"):
            yield Setting(token, "DATABRICKS_TOKEN", origin)
        if client_id and secret and kind in ("", "oauth-m2m"):
            yield Setting(Machine(client_id, secret, account), "DATABRICKS_CLIENT_ID", origin, account)

    # ---- the Databricks CLI

    @cached_property
    def _cli_program(self) -> str | None:
        # Looked for once: hundreds of workspaces would look through PATH.
        return oauth.cli(self._environment)

    def _command_line(self, target: Target, looked_at: list[str]) -> Iterator[Renewable]:
        """What the Databricks CLI has for a host: asked last, for it takes a second."""
        program = self._cli_program
        if program is None:
            looked_at.append("databricks auth token: the Databricks CLI is not on PATH")
        elif not target.loopback and in_zone(target.host):
            yield self._cli(program, ("--host", target.origin), "databricks auth token", tuple(looked_at))

    # ---- the account

    def account(self, here: Target | None) -> tuple[Target, str]:
        """The account whose workspaces can be listed: its address, and its id.

        Args:
            here: the emulator that stands for Databricks, if there is one.

        Raises CredentialError where no credential is an account's.
        """
        looked_at: list[str] = []
        for setting in self._of_accounts(looked_at):
            target = here or parse_origin(setting.origin if _is_accounts(setting.origin) else oauth.ACCOUNTS)
            if target is not None and (why := setting.unfit_for(target)) is None:
                return target, setting.account_id
            looked_at.append(f"{setting.source}: {why}")
        raise CredentialError(
            "no credential for an account",
            looked_at=tuple(looked_at),
            hint="set DATABRICKS_ACCOUNT_ID, DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET of a service principal",
        )

    def _of_accounts(self, looked_at: list[str]) -> Iterator[Setting]:
        named = self.named_profile()
        for one in (self._given,) if self._given else (self._setting(named),) if named else self._variables(looked_at):
            if one is not None and one.account_id:
                yield one
            elif one is not None:
                looked_at.append(f"{one.source}: no account id goes with it")
        for profile in () if self._given or named else profiles.read(self._environment):
            setting = self._setting(profile)
            if setting is not None and setting.account_id and _is_accounts(setting.origin):
                yield setting

    # ---- credentials that are renewed, one object for each place they are good for

    def _machine(self, machine: Machine, target: Target, source: str) -> Renewable:
        place = oauth.accounts_origin(target) if machine.account_id else f"{target.origin}{target.prefix}"

        def obtain() -> Granted:
            return oauth.obtain(self._fetch_json, machine, target, source, self._environment.now)

        return self._kept(("oauth-m2m", source, place), obtain)

    def _cli(self, program: str, arguments: tuple[str, ...], source: str, looked_at: tuple[str, ...] = ()) -> Renewable:
        def obtain() -> Granted:
            return oauth.from_cli(self._environment, program, arguments, (*looked_at, source))

        return self._kept(("databricks-cli", source, *arguments), obtain)

    def _kept(self, key: tuple[str, ...], obtain: Callable[[], Granted]) -> Renewable:
        with self._lock:
            if key not in self._renewable:
                self._renewable[key] = Renewable(key[0], key[1], obtain, self._environment.now)
            return self._renewable[key]


def _at_home(target: Target) -> bool:
    """Whether a credential that names no host may go there: to Databricks, or this machine."""
    return target.loopback or (target.scheme == "https" and in_zone(target.host))


def _is_accounts(origin: str) -> bool:
    """Whether an address is the console of accounts."""
    host = urlsplit(origin).hostname or ""
    return host.startswith("accounts.") and in_zone(host)


def _names(known: tuple[Profile, ...]) -> str:
    shown = ", ".join(f"{one.name} ({urlsplit(one.origin).hostname or 'no host'})" for one in known[:_NAMED])
    return shown + (f" and {len(known) - _NAMED} more" if len(known) > _NAMED else "")
