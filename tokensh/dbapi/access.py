"""How a connection reaches workspaces: the host rule, the credentials, the HTTP client and the journal of creates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from tokensh import config
from tokensh.api import profiles
from tokensh.api.hosts import Hosts
from tokensh.api.limits import CREATE_TIMEOUT, REQUEST_TIMEOUT, RESPONSE_SIZE
from tokensh.api.workspaces import Workspaces
from tokensh.dbapi.options import OPTIONS, ConnectionOptions
from tokensh.dbapi.registry import Registry
from tokensh.environment import Cancellation, Environment
from tokensh.errors import CredentialError, InterfaceError
from tokensh.redact import Redactor

if TYPE_CHECKING:
    from tokensh.api.auth import ConfiguredCredential, Credentials
    from tokensh.api.client import Client
    from tokensh.api.journal import Journal
    from tokensh.api.log import Log
    from tokensh.api.request import Json
    from tokensh.sandbox import Sandbox

SANDBOX_WORKSPACE = "dbc-abcd0123-a1bc"


# The order matters. Options that exclude each other are refused before a sandbox is started, and the sandbox is started before
# the host rule and the credentials are made, because it replaces both: inside a sandbox no profile, no variable and no address
# of the user's can send a request to a real workspace.


class Access:
    """The parts that reach workspaces, wired together from the options of a connection.

    Raises InterfaceError for options that exclude each other, and what its parts raise for wrong values.
    """

    def __init__(
        self, options: ConnectionOptions, environment: Environment, redactor: Redactor, cancellation: Cancellation
    ) -> None:
        self.config = config.read(environment)
        self._options = options
        # Before the sandbox is started, as said above.
        self.registry = Registry(
            options.registry or self.config.registry,
            environment,
            lambda url: self.client.fetch_file(url),  # noqa: PLW0108 (the client is made when it is needed)
        )
        self._environment = environment
        self._redactor = redactor
        self._cancellation = cancellation
        credential = _only_credential(options, environment)
        endpoint = options.endpoint or environment.get(OPTIONS["endpoint"].variable) or None
        self.sandbox = _EmulatedWorkspaces(options) if options.sandbox else None
        if self.sandbox is not None:
            # Its token opens nothing real, but looks as if it did, so it is redacted like any other.
            credential, endpoint = self.sandbox.credential, self.sandbox.server.endpoint
            redactor.learn(self.sandbox.server.token)
        self._credential = credential
        self.hosts = options.hosts or Hosts(endpoint, self.config.hosts, partial(_list_origins, environment))
        self._log = _open_log(options, environment, redactor)
        self.workspaces = Workspaces(
            environment,
            self.hosts,
            self,
            profile=options.profile or environment.get("DATABRICKS_CONFIG_PROFILE") or None,
            mapped=self.config.hosts,
            sandbox_names=tuple(self.sandbox.server.workspaces) if self.sandbox else (),
        )

    # What sends and records requests is made by the first statement that needs it: loading it takes a tenth of a short run.

    @cached_property
    def credentials(self) -> Credentials:
        """The configured credentials."""
        from tokensh.api.auth import Credentials  # noqa: PLC0415 (as said above)

        return Credentials(
            self._environment,
            profile=self._options.profile,
            explicit=self._credential,
            fetch_json=self._fetch_json,
        )

    @cached_property
    def client(self) -> Client:
        """The HTTP client."""
        from tokensh.api.client import Client  # noqa: PLC0415 (as said above)

        options = self._options
        return Client(
            self._environment,
            self.credentials,
            redactor=self._redactor,
            cancellation=self._cancellation,
            # One option sets both: a user who gives a number means it, also for a create.
            timeout=REQUEST_TIMEOUT if options.timeout is None else options.timeout,
            create_timeout=CREATE_TIMEOUT if options.timeout is None else options.timeout,
            max_connections=options.max_connections,
            max_reply=RESPONSE_SIZE if options.max_reply is None else options.max_reply,
            log=self._log,
        )

    @cached_property
    def journal(self) -> Journal:
        """The journal of creates."""
        from tokensh.api.journal import Journal  # noqa: PLC0415 (as said above)

        journal = Journal(self._environment, self._redactor.clean, is_required=self.sandbox is None)
        # The tokens of a sandbox end with it and must not be reported as lost later, so entries of an earlier one are cleared.
        if self.sandbox:
            journal.clear()
        return journal

    def _fetch_json(
        self, method: str, url: str, *, form: Mapping[str, str] | None = None, basic: tuple[str, str] | None = None
    ) -> Json:
        # The client signs with the credentials, and these fetch OAuth tokens with the client, which is made after them.
        return self.client.fetch_json(method, url, form=form, basic=basic)

    @property
    def destination(self) -> str:
        """Where requests go if not to Databricks' own hosts: `sandbox`, or the endpoint's host; else an empty text."""
        if self.sandbox is not None:
            return "sandbox"
        return self.hosts.endpoint.partition("://")[2].partition("/")[0] if self.hosts.endpoint else ""

    def default_workspace(self) -> str | None:
        """Return the workspace for statements that name none, in the order of Databricks' own tools; None if nothing names one.

        Raises CredentialError for an unknown profile that an option names.
        """
        if self._options.workspace or self.sandbox is not None:
            return self._options.workspace or self.config.workspace or SANDBOX_WORKSPACE
        # A credential that was given outright has no profile to ask.
        if self._credential is None:
            try:
                selected = self.workspaces.profile_workspace()
            except InterfaceError:
                if self._options.profile is not None:
                    raise
                # DATABRICKS_CONFIG_PROFILE may name a profile that is gone: an error only when a credential is needed, so
                # that local statements keep working.
                selected = None
            if selected is not None or self.workspaces.is_selection_unusable():
                return selected
        return self.config.workspace or self.workspaces.default_workspace(with_profile=self._credential is None)

    def close(self) -> None:
        """Close idle connections and the log; end a sandbox of its own."""
        if "client" in vars(self):
            self.client.close()
        if self._log is not None:
            self._log.close()
        if self.sandbox is not None:
            self.sandbox.close()


class _EmulatedWorkspaces:
    """A sandbox that a connection uses: one that was passed, or one of its own that ends with it."""

    def __init__(self, options: ConnectionOptions) -> None:
        from tokensh.sandbox import start  # noqa: PLC0415 (loads an HTTP server)

        if options.endpoint:
            raise InterfaceError("the sandbox has its own endpoint", hint="leave one of them out")
        self._is_own = options.sandbox is True
        self.server: Sandbox = start(list_credentials=True) if isinstance(options.sandbox, bool) else options.sandbox
        server = self.server
        from tokensh.api.auth import ConfiguredCredential  # noqa: PLC0415 (loads what signs requests)

        self.credential = ConfiguredCredential(server.token, "the sandbox", server.origin, server.account_id)

    def close(self) -> None:
        if self._is_own:
            self.server.close()


def _open_log(options: ConnectionOptions, environment: Environment, redactor: Redactor) -> Log | None:
    """Return the log that `--log` names, None without it. Raises InterfaceError."""
    if options.log is None:
        return None
    from tokensh.api.log import Log  # noqa: PLC0415 (only --log needs it)

    return Log(Path(options.log), redactor.clean, environment.now)


def _only_credential(options: ConnectionOptions, environment: Environment) -> ConfiguredCredential | None:
    """Return the credential that was given outright, which is then the only one that may be used."""
    if sum(value is not None for value in (options.token, options.auth, options.profile)) > 1:
        raise InterfaceError("a token, --auth and a profile exclude each other", hint="give one of the three")
    if options.token is not None:
        from tokensh.api.auth import ConfiguredCredential  # noqa: PLC0415 (only a given credential needs it)

        return ConfiguredCredential(options.token, "the token given")
    if options.auth is None:
        return None
    from tokensh.api.stackql_auth import parse_auth  # noqa: PLC0415 (only --auth needs it)

    return parse_auth(options.auth, environment)


def _list_origins(environment: Environment) -> Iterator[str]:
    """Yield the addresses that DATABRICKS_HOST and the profiles name."""
    if host := environment.get("DATABRICKS_HOST"):
        yield profiles.normalize_host(host)
    try:
        yield from (profile.origin for profile in profiles.read(environment))
    except CredentialError:
        return  # it is raised when a credential is needed
