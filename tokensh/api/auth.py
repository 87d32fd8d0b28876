"""Which credential may go to which workspace. One that is bound to host A is never sent to host B."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tokensh.api import profiles
from tokensh.api.hosts import Target, in_zone
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

    def for_target(self, target: Target) -> AccessToken:
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
            looked_at=tuple(looked_at),
            hint=f"set DATABRICKS_TOKEN, or add a profile with host = {target.origin} to ~/.databrickscfg",
        )

    @staticmethod
    def _own(target: Target, origin: str, token: str) -> AccessToken:
        if target.origin != origin:
            raise CredentialError(f"the credential for {origin} is not sent to {target.origin}")
        return AccessToken(token, "the sandbox")

    def _candidates(self, target: Target, looked_at: list[str]) -> Iterator[AccessToken]:
        if self._token is not None:
            yield from self._unbound(target, self._token, "the token given", looked_at)
            return
        if self._profile is not None:
            yield self._named(target, self._profile)
            return
        yield from self._profiles(target, looked_at)
        yield from self._variables(target, looked_at)

    def _named(self, target: Target, name: str) -> AccessToken:
        path = profiles.config_file(self._environment)
        found = next((one for one in profiles.read(self._environment) if one.name == name), None)
        if found is None:
            raise CredentialError(f"{path} has no profile {name!r}", looked_at=(str(path),))
        if found.origin != target.origin:
            raise CredentialError(
                f"profile {name!r} is for {found.origin or 'no host'}, not for {target.origin}", looked_at=(str(path),)
            )
        return self._of_profile(found)

    def _of_profile(self, profile: Profile) -> AccessToken:
        token = profile.get("token")
        if not token:
            raise CredentialError(
                f"profile {profile.name!r} has no token", hint="only profiles with a personal access token are used"
            )
        return AccessToken(token, f"profile {profile.name}")

    def _profiles(self, target: Target, looked_at: list[str]) -> Iterator[AccessToken]:
        path = profiles.config_file(self._environment)
        looked_at.append(f"{path}: a profile with host = {target.origin}")
        for one in profiles.read(self._environment):
            if one.origin == target.origin and one.get("token"):
                yield self._of_profile(one)

    def _variables(self, target: Target, looked_at: list[str]) -> Iterator[AccessToken]:
        token = self._environment.get("DATABRICKS_TOKEN")
        if not token:
            looked_at.append("DATABRICKS_TOKEN: not set")
            return
        host = self._environment.get("DATABRICKS_HOST")
        if not host:
            yield from self._unbound(target, token, "DATABRICKS_TOKEN", looked_at)
        elif profiles.origin_of(host) == target.origin:
            yield AccessToken(token, "DATABRICKS_TOKEN")
        else:
            looked_at.append("DATABRICKS_TOKEN: it belongs to DATABRICKS_HOST, which is another host")

    @staticmethod
    def _unbound(target: Target, token: str, source: str, looked_at: list[str]) -> Iterator[AccessToken]:
        """A token that names no host goes to Databricks and to this machine, nowhere else."""
        if target.loopback or (target.scheme == "https" and in_zone(target.host)):
            yield AccessToken(token, source)
            return
        looked_at.append(f"{source}: {target.host} is no host of Databricks; DATABRICKS_HOST or a profile must name it")
