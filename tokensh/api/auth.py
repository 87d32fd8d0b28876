"""Choose the credential for a workspace. A credential that is bound to host A is never sent to host B.

An explicit credential (`--auth`) or a selected profile is used alone. Otherwise the first of these that may be sent to the
workspace is used, as in Databricks' own tools: the environment's variables; the profile of its host, of which there must be
one; the login of the Databricks CLI, last because starting that program takes about a second. Formats: token-api.md section 2.

`reason_not_allowed` returns why a credential must not be sent to the target. The reasons are kept: an error lists
every source with its reason, since "no credential" alone cannot be acted on. A credential without a host goes to Databricks'
zones and to loopback only; anything else would let a typo in `--endpoint` collect tokens.

A bad profile spoils only itself: the file is parsed as a whole, but what a profile says is checked when it is used.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property

from tokensh._dataclasses import dataclass, field
from tokensh.api import oauth, profiles
from tokensh.api.hosts import Target, is_accounts_console, is_databricks_host, parse_origin
from tokensh.api.oauth import FetchJson, OAuthToken, RenewableToken, ServicePrincipal
from tokensh.api.profiles import Profile
from tokensh.environment import Environment
from tokensh.errors import CredentialError
from tokensh.text import escape_unsafe, truncate

_OFFERED = (
    "use a token, a client_id with its client_secret, or a login of the Databricks CLI (auth_type = databricks-cli)"
)
_NEEDED = {"pat": "token", "oauth-m2m": "client_id and client_secret"}
_LOGIN = "run `databricks auth login`, and set auth_type = databricks-cli"
_AZURE = (
    "give DATABRICKS_TOKEN the output of `az account get-access-token --resource 2ff814a6-3304-4ab8-85cb-cd0e6f879c1d`"
)
_ALTERNATIVES = {
    "azure-cli": f"{_AZURE} --query accessToken -o tsv",
    "azure-client-secret": f"sign in with `az login --service-principal`, and {_AZURE} --query accessToken -o tsv",
    "azure-msi": f"sign in with `az login --identity`, and {_AZURE} --query accessToken -o tsv",
    "google-id": "give DATABRICKS_TOKEN the output of `gcloud auth print-identity-token`",
    "google-credentials": "give DATABRICKS_TOKEN the output of `gcloud auth print-identity-token`",
    "oauth-u2m": _LOGIN,
    "databricks-oauth": _LOGIN,
    "external-browser": _LOGIN,
    "basic": "Databricks ended passwords in 2024: use a token",
}
"""What to do instead of the SDKs' other methods, by auth_type."""


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A personal access token, or any other bearer token that cannot be renewed."""

    value: str = field(repr=False)
    source: str
    kind: str = "pat"
    workspace_id: str = ""
    """Tells workspaces of one host apart; empty if the host has one."""

    def get_token(self) -> str:
        """Return the bearer token."""
        return self.value

    def refresh(self, rejected: str) -> bool:  # noqa: ARG002 (Credential has it)
        """Return False: a static token cannot be refreshed."""
        return False


@dataclass(frozen=True, slots=True)
class ConfiguredCredential:
    """A credential as the user configured it, not yet used for a workspace.

    Attributes:
        origin: the address it is bound to; empty allows every host of Databricks and loopback.
        account_id: names the account whose workspaces it may list.
        workspace_id: is sent with it, for a host of several workspaces.
        problem: why the host that it is bound to leads nowhere.
    """

    secret: str | ServicePrincipal = field(repr=False)
    source: str
    origin: str = ""
    account_id: str = ""
    workspace_id: str = ""
    problem: str = ""

    def reason_not_allowed(self, target: Target) -> str | None:
        """Return why the credential must not be sent to an address, or None if it may be."""
        if self.problem:
            return self.problem
        bound = f"it belongs to {self.origin}, which is another host"
        if self.origin == target.origin:
            return None
        if is_accounts_console(target.origin) and not self._is_account_wide:
            return bound if self.origin else "it is a workspace's, not an account's"
        if self.origin:
            # A service principal of an account signs in at the account console, for all workspaces of the same cloud.
            is_same_account = (
                self._is_account_wide
                and _is_databricks_or_local(target)
                and self.origin == oauth.accounts_origin(target)
            )
            return None if is_same_account else bound
        if _is_databricks_or_local(target):
            return None
        return f"{target.host} is not a Databricks host; DATABRICKS_HOST or a profile must name it"

    @property
    def _is_account_wide(self) -> bool:
        """True for a service principal of an account, which may be used in all workspaces of the account."""
        return isinstance(self.secret, ServicePrincipal) and bool(self.secret.account_id)


class Credentials:
    """The configured credentials, from which one is chosen for an address. Several threads may share them.

    Args:
        environment: the variables DATABRICKS_* and the home folder.
        fetch_json: calls OAuth endpoints.
        profile: only this profile of ~/.databrickscfg may be used (DATABRICKS_CONFIG_PROFILE does the same).
        explicit: only this credential may be used.
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
        self._explicit = explicit
        self._renewable_tokens: dict[tuple[str, ...], RenewableToken] = {}
        self._lock = threading.Lock()
        self._fetch_json = fetch_json

    def for_target(self, target: Target) -> AccessToken | RenewableToken:
        """Return the credential for an address. Raises CredentialError, which lists the sources that were tried."""
        return self.choose(target)[0]

    def choose(self, target: Target) -> tuple[AccessToken | RenewableToken, tuple[str, ...]]:
        """Return the credential for an address, and why those before it were not taken. Raises CredentialError."""
        looked_at: list[str] = []
        for credential in self._find_candidates(target, looked_at):
            return credential, tuple(looked_at)
        raise CredentialError(
            f"no credential for {target.host}",
            looked_at=tuple(looked_at),
            hint=f"set DATABRICKS_TOKEN, or add a profile with host = {target.origin} to ~/.databrickscfg",
        )

    def selected_profile(self) -> Profile | None:
        """Return the profile that the user selected, None without a selection. Raises CredentialError if it is unknown."""
        return profiles.find_selected(self._environment, self.profile)

    def _find_candidates(self, target: Target, looked_at: list[str]) -> Iterator[AccessToken | RenewableToken]:
        """Yield the credentials for an address, the preferred one first; append the reasons against the others."""
        if self._explicit is not None:
            yield from self._try_credential(self._explicit, target, looked_at)
        elif (profile := self.selected_profile()) is not None:
            yield self._use_selected_profile(target, profile)
        else:
            for credential in self._read_variables(looked_at):
                yield from self._try_credential(credential, target, looked_at)
            yield from self._try_profiles(target, looked_at)
            yield from self._try_cli(target, looked_at)

    def _try_credential(
        self, credential: ConfiguredCredential, target: Target, looked_at: list[str]
    ) -> Iterator[AccessToken | RenewableToken]:
        if (reason := credential.reason_not_allowed(target)) is not None:
            looked_at.append(f"{credential.source}: {reason}")
        elif isinstance(credential.secret, ServicePrincipal):
            yield self._service_principal(credential.secret, target, credential.source, credential.workspace_id)
        else:
            yield AccessToken(credential.secret, credential.source, workspace_id=credential.workspace_id)

    # ---- profiles

    def _use_selected_profile(self, target: Target, profile: Profile) -> AccessToken | RenewableToken:
        # Raise instead of falling back: with -p the user has said which identity acts, and another one must not.
        if problem := profile.describe_host():
            raise self._profile_error(profile, problem)
        credential = self._read_profile(profile)
        if profile.origin != target.origin and (credential is None or credential.reason_not_allowed(target)):
            raise CredentialError(
                f"profile {profile.name!r} is for {profile.origin}, not for {target.origin}",
                looked_at=(str(profiles.config_file(self._environment)),),
                hint="without -p and DATABRICKS_CONFIG_PROFILE, the profile of the workspace's host is used",
            )
        return self._use_profile(profile, target)

    def _use_profile(self, profile: Profile, target: Target) -> AccessToken | RenewableToken:
        source = f"profile {profile.name}"
        configured = self._read_profile(profile)
        if configured is not None:
            for credential in self._try_credential(configured, target, []):
                return credential
        if problem := self._describe_unusable(profile):
            raise self._profile_error(profile, *problem)
        program = self._cli_path or ""
        return self._cli_login(
            program, ("--profile", profile.name), f"databricks auth token, {source}", (), profile.workspace_id
        )

    def _describe_unusable(self, profile: Profile) -> tuple[str, str] | None:
        """Return why a profile without a credential of its own cannot be used, and what to do; None for a login of the CLI."""
        kind = profile.get("auth_type")
        # auth_type names a method of the SDKs that is not offered here: say so, do not guess.
        if kind not in ("", "pat", "oauth-m2m", "databricks-cli"):
            return f"its auth_type {truncate(escape_unsafe(kind), 40)} is not offered", _ALTERNATIVES.get(
                kind, _OFFERED
            )
        if kind in ("pat", "oauth-m2m"):
            return f"its auth_type is {kind}, but it has no {_NEEDED[kind]}", _OFFERED
        if self._cli_path is None:
            return (
                "it has neither a token nor a client_id and client_secret",
                "with the Databricks CLI on PATH, its logins are used too",
            )
        return None

    def _profile_error(self, profile: Profile, problem: str, hint: str | None = None) -> CredentialError:
        path = profiles.config_file(self._environment)
        place = problem if problem.startswith("line ") else f"line {profile.line}: {problem}"
        return CredentialError(
            f"profile {profile.name!r} cannot be used: {path}, {place}",
            looked_at=(f"profile {profile.name}",),
            hint=hint,
        )

    def _read_profile(self, profile: Profile) -> ConfiguredCredential | None:
        """Return a profile's own token, or its client id and secret, as `auth_type` says; None if it holds neither."""
        get, source, kind = profile.get, f"profile {profile.name}", profile.get("auth_type")
        if profile.problem:
            raise self._profile_error(profile, profile.problem)
        # A profile without a valid host is bound to an origin that no target has: its credential goes nowhere.
        origin = profile.origin or "no host"
        if get("token") and kind in ("", "pat"):
            self._refuse_exposed(profile)
            return ConfiguredCredential(get("token"), source, origin, "", profile.workspace_id)
        if get("client_id") and get("client_secret") and kind in ("", "oauth-m2m"):
            self._refuse_exposed(profile)
            account = get("account_id") if is_accounts_console(profile.origin) else ""
            principal = ServicePrincipal(get("client_id"), get("client_secret"), account)
            return ConfiguredCredential(principal, source, origin, get("account_id"), profile.workspace_id)
        return None

    def _refuse_exposed(self, profile: Profile) -> None:
        """Refuse a secret that other users of the machine can read, as psql and ssh do. Raises CredentialError."""
        if profile.exposed:
            path = profiles.config_file(self._environment)
            raise CredentialError(
                f"{path} holds a secret that other users can read; it is not used",
                looked_at=(f"profile {profile.name}",),
                hint=f"chmod 600 {path}",
            )

    def _try_profiles(self, target: Target, looked_at: list[str]) -> Iterator[AccessToken | RenewableToken]:
        matching = profiles.for_origin(self._environment, target.origin)
        usable: dict[object, Profile] = {}
        for profile in matching:
            uses_cli = profile.get("auth_type") == "databricks-cli" and self._cli_path is not None
            if profile.problem or uses_cli or (credential := self._read_profile(profile)) is None:
                identity: object = profile.name
            else:
                identity = credential.secret, credential.account_id, credential.workspace_id
            if profile.problem or uses_cli or credential is not None:
                usable.setdefault(identity, profile)
            else:
                problem, hint = self._describe_unusable(profile) or ("it has no credential", "")
                looked_at.append(f"profile {profile.name}: {problem}; {hint}".removesuffix("; "))
        # The identity decides which tokens are "mine", so that it is not left to the order of the file.
        if len(usable) > 1:
            import shlex  # noqa: PLC0415 (needed only for this error)

            names = [profile.name for profile in usable.values()]
            raise CredentialError(
                f"profiles {' and '.join(names)} are all for {target.origin}",
                looked_at=tuple(f"profile {name}" for name in names),
                hint=f"choose one, for example with -p {shlex.quote(names[0])}",
            )
        for profile in usable.values():
            yield self._use_profile(profile, target)
        if not matching:
            described = profiles.describe_file(self._environment)
            looked_at.append(f"no profile with host = {target.origin}: {described}")

    # ---- the environment

    def _read_variables(self, looked_at: list[str]) -> Iterator[ConfiguredCredential]:
        get = self._environment.get
        token, client_id, secret = (get(f"DATABRICKS_{name}") for name in ("TOKEN", "CLIENT_ID", "CLIENT_SECRET"))
        kind, host, account = (get(f"DATABRICKS_{name}") for name in ("AUTH_TYPE", "HOST", "ACCOUNT_ID"))
        # A malformed host is kept as it is: no target has it as its origin, so that the credential goes nowhere.
        origin = (profiles.normalize_host(host) or host) if host else ""
        problem = (
            f"DATABRICKS_HOST: {profiles.describe_host_problem(host)}"
            if host and not profiles.normalize_host(host)
            else ""
        )
        workspace_id = profiles.read_workspace_id(get("DATABRICKS_WORKSPACE_ID"), host)
        if not token and not (client_id and secret):
            looked_at.append("DATABRICKS_TOKEN, and DATABRICKS_CLIENT_ID with DATABRICKS_CLIENT_SECRET: not set")
        elif kind not in ("", "pat", "oauth-m2m"):
            looked_at.append(f"DATABRICKS_AUTH_TYPE: {kind} does not match the other variables")
        # A token wins over a client id and secret, as in Databricks' SDKs.
        if token and kind in ("", "pat"):
            yield ConfiguredCredential(token, "DATABRICKS_TOKEN", origin, "", workspace_id, problem)
        if client_id and secret and kind in ("", "oauth-m2m"):
            # Bound to a workspace it signs in there: the network may let nothing through to the account's host.
            signs_in_at_account = not origin or is_accounts_console(origin)
            yield ConfiguredCredential(
                ServicePrincipal(client_id, secret, account if signs_in_at_account else ""),
                "DATABRICKS_CLIENT_ID",
                origin,
                account,
                workspace_id,
                problem,
            )

    # ---- the Databricks CLI

    @cached_property
    def _cli_path(self) -> str | None:
        # Cached: with hundreds of workspaces, each would search PATH again.
        return oauth.find_cli(self._environment)

    def _try_cli(self, target: Target, looked_at: list[str]) -> Iterator[RenewableToken]:
        """Yield the Databricks CLI's login for a host."""
        program = self._cli_path
        if program is None:
            looked_at.append("databricks auth token: the Databricks CLI is not on PATH")
        elif not target.is_loopback and is_databricks_host(target.host):
            yield self._cli_login(program, ("--host", target.origin), "databricks auth token", tuple(looked_at))

    # ---- the account

    def find_account(self, emulator: Target | None) -> tuple[Target, str]:
        """Return the address and the id of the account whose workspaces can be listed.

        Args:
            emulator: the emulator to ask instead of Databricks, if any.

        Raises CredentialError if no credential belongs to an account.
        """
        looked_at: list[str] = []
        is_bound_elsewhere = False
        for credential in self._account_credentials(looked_at):
            target = emulator or parse_origin(
                credential.origin if is_accounts_console(credential.origin) else oauth.ACCOUNTS_ORIGIN
            )
            if target is not None and (reason := credential.reason_not_allowed(target)) is None:
                return target, credential.account_id
            looked_at.append(f"{credential.source}: {reason}")
            is_bound_elsewhere = True
        raise CredentialError(
            "no credential for a Databricks account",
            looked_at=tuple(looked_at),
            hint=f"unset DATABRICKS_HOST, or set it (or the profile's host) to the account's, {oauth.ACCOUNTS_ORIGIN}"
            if is_bound_elsewhere
            else "set DATABRICKS_ACCOUNT_ID, DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET of a service principal",
        )

    def _account_credentials(self, looked_at: list[str]) -> Iterator[ConfiguredCredential]:
        """Yield the credentials that name an account; append the reasons against the others."""
        selected = self.selected_profile()
        if self._explicit is not None:
            candidates: Iterable[ConfiguredCredential | None] = (self._explicit,)
        else:
            candidates = (self._read_profile(selected),) if selected else self._read_variables(looked_at)
        for credential in candidates:
            if credential is not None and credential.account_id:
                yield credential
            elif credential is not None:
                looked_at.append(f"{credential.source}: it has no account id")
        if self._explicit is not None or selected is not None:
            return
        for profile in profiles.read(self._environment):
            credential = self._read_profile(profile)
            if credential is not None and credential.account_id and is_accounts_console(credential.origin):
                yield credential

    # ---- renewable credentials: one object for each place where a token is valid, so that threads share its token

    def _service_principal(
        self, principal: ServicePrincipal, target: Target, source: str, workspace_id: str
    ) -> RenewableToken:
        issuer = oauth.accounts_origin(target) if principal.account_id else f"{target.origin}{target.prefix}"

        def obtain() -> OAuthToken:
            return oauth.request_token(self._fetch_json, principal, target, source, self._environment.now)

        return self._renewable_token(("oauth-m2m", source, issuer), obtain, workspace_id)

    def _cli_login(
        self,
        program: str,
        arguments: tuple[str, ...],
        source: str,
        looked_at: tuple[str, ...] = (),
        workspace_id: str = "",
    ) -> RenewableToken:
        def obtain() -> OAuthToken:
            return oauth.request_cli_token(self._environment, program, arguments, (*looked_at, source))

        return self._renewable_token(("databricks-cli", source, *arguments), obtain, workspace_id)

    def _renewable_token(
        self, key: tuple[str, ...], obtain: Callable[[], OAuthToken], workspace_id: str
    ) -> RenewableToken:
        # The lock covers only the dictionary: a token is requested under its own credential's lock.
        with self._lock:
            if key not in self._renewable_tokens:
                self._renewable_tokens[key] = RenewableToken(
                    key[0], key[1], obtain, self._environment.now, workspace_id
                )
            return self._renewable_tokens[key]


def _is_databricks_or_local(target: Target) -> bool:
    """Return True if a credential without a host of its own may be sent to an address."""
    return target.is_loopback or (target.scheme == "https" and is_databricks_host(target.host))
