"""Which credential may go to which workspace. One that is bound to host A is never sent to host B."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tokensh.api import oauth, profiles
from tokensh.api.hosts import Target, in_zone
from tokensh.api.oauth import FetchJson, Granted, Machine, Renewable
from tokensh.api.profiles import Profile
from tokensh.environment import Environment
from tokensh.errors import CredentialError


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


class Credentials:
    """Chooses the credential for an address: a profile of its host, else the environment's, else none.

    Args:
        environment: the variables DATABRICKS_* and the home folder.
        profile: only this profile of ~/.databrickscfg may be used (DATABRICKS_CONFIG_PROFILE does the same).
        token: use this token instead, wherever a token that names no host may go.
        bound: use this token for this origin, and nothing for any other (the sandbox's).

    Several threads may use it.
    """

    def __init__(
        self,
        environment: Environment,
        *,
        profile: str | None = None,
        token: str | None = None,
        bound: tuple[str, str] | None = None,
    ) -> None:
        self._environment = environment
        self._profile = profile or environment.get("DATABRICKS_CONFIG_PROFILE") or None
        self._token = token
        self._bound = bound
        self._renewable: dict[tuple[str, ...], Renewable] = {}
        self._lock = threading.Lock()
        self.fetch: FetchJson | None = None
        """How OAuth endpoints are asked: `Client.fetch_json`, set once there is a client."""

    def for_target(self, target: Target) -> AccessToken | Renewable:
        """The credential for an address.

        Raises CredentialError that names what was looked at, where there is none.
        """
        if self._bound is not None:
            return self._own(target, *self._bound)
        looked_at: list[str] = []
        for found in self._candidates(target, looked_at):
            return found
        raise CredentialError(
            f"no credential for {target.host}",
            looked_at=tuple(filter(None, looked_at)),
            hint=f"set DATABRICKS_TOKEN, or add a profile with host = {target.origin} to ~/.databrickscfg",
        )

    @staticmethod
    def _own(target: Target, origin: str, token: str) -> AccessToken:
        if target.origin != origin:
            raise CredentialError(f"the credential for {origin} is not sent to {target.origin}")
        return AccessToken(token, "the sandbox")

    def _candidates(self, target: Target, looked_at: list[str]) -> Iterator[AccessToken | Renewable]:
        if self._token is not None:
            yield from self._unbound(target, self._token, "the token given", looked_at)
            return
        if self._profile is not None:
            yield self._named(target, self._profile)
            return
        yield from self._profiles(target, looked_at)
        yield from self._variables(target, looked_at)
        yield from self._command_line(target, looked_at)

    def _named(self, target: Target, name: str) -> AccessToken | Renewable:
        path = profiles.config_file(self._environment)
        found = next((one for one in profiles.read(self._environment) if one.name == name), None)
        if found is None:
            raise CredentialError(f"{path} has no profile {name!r}", looked_at=(str(path),))
        if found.origin != target.origin:
            raise CredentialError(
                f"profile {name!r} is for {found.origin or 'no host'}, not for {target.origin}", looked_at=(str(path),)
            )
        return self._of_profile(found, target)

    def _of_profile(self, profile: Profile, target: Target) -> AccessToken | Renewable:
        source = f"profile {profile.name}"
        if token := profile.get("token"):
            return AccessToken(token, source)
        if profile.get("client_id") and profile.get("client_secret"):
            machine = Machine(profile.get("client_id"), profile.get("client_secret"))
            return self._machine(machine, target, source)
        program = oauth.cli(self._environment)
        if program is None:
            raise CredentialError(
                f"profile {profile.name!r} has neither a token nor a client_id and client_secret",
                looked_at=(source,),
                hint="with the Databricks CLI on PATH its logins are used too",
            )
        return self._cli(program, ("--profile", profile.name), f"databricks auth token, {source}")

    def _profiles(self, target: Target, looked_at: list[str]) -> Iterator[AccessToken | Renewable]:
        path = profiles.config_file(self._environment)
        looked_at.append(f"{path}: a profile with host = {target.origin}")
        for one in profiles.read(self._environment):
            if one.origin == target.origin and _usable(one, self._environment):
                yield self._of_profile(one, target)

    def _variables(self, target: Target, looked_at: list[str]) -> Iterator[AccessToken | Renewable]:
        get = self._environment.get
        token, machine = get("DATABRICKS_TOKEN"), self._machine_of_variables()
        if not token and machine is None:
            looked_at.append("DATABRICKS_TOKEN, and DATABRICKS_CLIENT_ID with DATABRICKS_CLIENT_SECRET: not set")
            return
        source = "DATABRICKS_TOKEN" if token else "DATABRICKS_CLIENT_ID"
        host = get("DATABRICKS_HOST")
        if host and profiles.origin_of(host) != target.origin:
            looked_at.append(f"{source}: it belongs to DATABRICKS_HOST, which is another host")
            return
        if not host and not _at_home(target):
            looked_at.append(
                f"{source}: {target.host} is no host of Databricks; DATABRICKS_HOST or a profile must name it"
            )
            return
        if token:
            yield AccessToken(token, source)
        elif machine is not None:
            yield self._machine(machine, target, source)

    def _machine_of_variables(self) -> Machine | None:
        get = self._environment.get
        client_id, secret = get("DATABRICKS_CLIENT_ID"), get("DATABRICKS_CLIENT_SECRET")
        return Machine(client_id, secret, get("DATABRICKS_ACCOUNT_ID")) if client_id and secret else None

    def _command_line(self, target: Target, looked_at: list[str]) -> Iterator[Renewable]:
        """What the Databricks CLI has for a host: asked last, for it takes a second."""
        program = oauth.cli(self._environment)
        if program is None or target.loopback or not in_zone(target.host):
            looked_at.append("databricks auth token: the Databricks CLI is not on PATH" if program is None else "")
            return
        yield self._cli(program, ("--host", target.origin), "databricks auth token")

    # ---- credentials that are renewed, one object for each place they are good for

    def _machine(self, machine: Machine, target: Target, source: str) -> Renewable:
        place = oauth.accounts_origin(target) if machine.account_id else f"{target.origin}{target.prefix}"

        def obtain() -> Granted:
            if self.fetch is None:
                raise CredentialError("no client asks OAuth endpoints yet", looked_at=(source,))
            return oauth.obtain(self.fetch, machine, target, source, self._environment.now)

        return self._kept(("oauth-m2m", source, place), obtain)

    def _cli(self, program: str, arguments: tuple[str, ...], source: str) -> Renewable:
        def obtain() -> Granted:
            return oauth.from_cli(self._environment, program, arguments, source)

        return self._kept(("databricks-cli", source, *arguments), obtain)

    def _kept(self, key: tuple[str, ...], obtain: Callable[[], Granted]) -> Renewable:
        with self._lock:
            if key not in self._renewable:
                self._renewable[key] = Renewable(key[0], key[1], obtain, self._environment.now)
            return self._renewable[key]

    @staticmethod
    def _unbound(target: Target, token: str, source: str, looked_at: list[str]) -> Iterator[AccessToken]:
        """A token that names no host goes to Databricks and to this machine, nowhere else."""
        if _at_home(target):
            yield AccessToken(token, source)
            return
        looked_at.append(f"{source}: {target.host} is no host of Databricks; DATABRICKS_HOST or a profile must name it")


def _at_home(target: Target) -> bool:
    """Whether a credential that names no host may go there: to Databricks, or this machine."""
    return target.loopback or (target.scheme == "https" and in_zone(target.host))


def _usable(profile: Profile, environment: Environment) -> bool:
    """Whether a profile has a credential, or the Databricks CLI may have one for it."""
    if profile.get("token") or (profile.get("client_id") and profile.get("client_secret")):
        return True
    return profile.get("auth_type") == "databricks-cli" and oauth.cli(environment) is not None
