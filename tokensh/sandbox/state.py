"""The emulated API's memory: workspaces, principals and tokens. No HTTP here, and no clock but the injected one.

Rules and limits come from the Databricks documentation of tokens; where a comment says "as in the API", that is the source.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Iterable, Mapping

from tokensh._dataclasses import dataclass, replace
from tokensh.sandbox.http import INT64_MAX, RefusedError, Request, invalid, missing

SECONDS_PER_DAY = 86_400
# Stated here again (tokensh.units has it too): the sandbox takes no facts about the API from the client.
NEVER = -1
"""The API's expiry_time of a token that does not expire."""
COMMENT_LIMIT = 255
"""The longest comment, in characters (AWS Secrets Manager's page on the type DatabricksPAT)."""

EMPTY_LISTS = ("absent", "null", "array")
"""The shapes of a list without rows: `{}`, null or `[]`."""


@dataclass(slots=True)
class Settings:
    """The emulator's behaviour; most settings can be changed while it runs.

    Attributes:
        any_workspace: every host label is a workspace, not only the seeded ones.
        tokens: extra tokens of the admin in each workspace.
        latency: seconds that each request waits before it is handled.
        quota: the most unexpired tokens of a principal in a workspace (Databricks: 600).
        max_lifetime_days: the initial workspace setting maxTokenLifetimeDays; 0 for no limit.
        default_lifetime_days: the lifetime of a token created without one; -1 for no expiry, as before 2024.
        idle_days: tokens that are unused for so many days are revoked (Databricks: 90); 0 keeps them.
        empty_list: the shape of a list without rows, one of `EMPTY_LISTS`; clients must accept all three.
        show_expired: list expired tokens too.
        eventual: the first read after a write shows the state before the write.
        obo: on-behalf-of tokens are enabled.
        oauth_lifetime: the lifetime of an OAuth access token, in seconds.
        list_credentials: the admin's and the user's fixed tokens are in the lists, and refused once they are revoked; otherwise
            they are in none, so that those who share a sandbox cannot lock each other out.
        root: the workspace that is served at `/` too, for clients that drop the path of a host; empty: none.
    """

    any_workspace: bool = False
    tokens: int = 0
    latency: float = 0.0
    quota: int = 600
    max_lifetime_days: int = 730
    default_lifetime_days: int = 730
    idle_days: int = 0
    empty_list: str = EMPTY_LISTS[0]
    show_expired: bool = True
    eventual: bool = False
    obo: bool = True
    oauth_lifetime: int = 3600
    root: str = ""
    list_credentials: bool = False


class Clock:
    """Seconds since the epoch, shifted by `offset` seconds."""

    def __init__(self, offset: float = 0.0, source: Callable[[], float] = time.time) -> None:
        self.offset = offset
        self._source = source

    def now(self) -> float:
        """Return the time in seconds since the epoch."""
        return self._source() + self.offset

    def now_ms(self) -> int:
        """Return the time in milliseconds since the epoch, the unit of the API's times."""
        return int(self.now() * 1000)


@dataclass(frozen=True, slots=True)
class Principal:
    """The owner of a credential; `name` is a user name, or a service principal's application id."""

    number: int
    name: str
    display_name: str
    groups: tuple[str, ...]
    kind: str = "user_name"

    @property
    def is_admin(self) -> bool:
        """True if it may see and revoke the tokens of others."""
        return "admins" in self.groups

    @property
    def grantees(self) -> set[Grant]:
        """The entries of an access control list that apply to this principal."""
        return {(self.kind, self.name), *(("group_name", group) for group in self.groups)}


Grant = tuple[str, str]
"""The kind of name (`user_name`, `group_name`, `service_principal_name`) and the name of a principal with CAN_USE."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token's row; times in milliseconds since the epoch. Its value is not stored, as in the API."""

    token_id: str
    owner: Principal
    creator: Principal
    creation_time: int
    expiry_time: int
    comment: str | None
    scopes: tuple[str, ...] = ()
    last_accessed_time: int | None = None
    autoscope: bool = False

    @property
    def last_used_day(self) -> int | None:
        """The day of the last use: midnight UTC."""
        used = self.last_accessed_time
        return None if used is None else used - used % (SECONDS_PER_DAY * 1000)

    def is_expired(self, now_ms: int) -> bool:
        """Return True if the token no longer authenticates."""
        return self.expiry_time != NEVER and now_ms >= self.expiry_time


@dataclass(frozen=True, slots=True)
class CreateRequest:
    """The fields of a create or an update; `lifetime` in seconds, None for the default."""

    comment: str | None = None
    lifetime: int | None = None
    scopes: tuple[str, ...] = ()
    autoscope: bool = False


def fingerprint(value: str) -> str:
    """Return the token_id of a token value: its SHA-256, as the API documents for update."""
    return hashlib.sha256(value.encode("utf-8", "replace")).hexdigest()


class Workspace:
    """A workspace: its tokens, its access control list, its settings."""

    def __init__(self, name: str, settings: Settings, clock: Clock) -> None:
        self.name = name
        # Derived from the name: the same workspace has the same id in every run, and 52 bits stay exact in JavaScript.
        self.number = int(fingerprint(name)[:13], 16)
        self.grants: set[Grant] = {("group_name", "token-users")}
        self.conf = {"enableTokensConfig": "true", "maxTokenLifetimeDays": str(settings.max_lifetime_days)}
        self.had_tokens = False
        self._settings = settings
        self._clock = clock
        self._tokens: dict[str, Token] = {}
        self._snapshot: dict[str, Token] | None = None

    def seed(self, tokens: Iterable[Token]) -> None:
        """Add tokens without checking quota and limits."""
        self._tokens.update((token.token_id, token) for token in tokens)
        self.had_tokens = bool(self._tokens)

    def list_tokens(self, owner: Principal | None = None) -> list[Token]:
        """Return the tokens of all owners or of one, the oldest write first."""
        self._drop_idle()
        # An eventually consistent store: the first read after a write shows the state before it.
        source, self._snapshot = self._snapshot, None
        rows = self._tokens if source is None else source
        now = self._clock.now_ms()
        show_expired = self._settings.show_expired
        return [
            token
            for token in rows.values()
            if (owner is None or token.owner == owner) and (show_expired or not token.is_expired(now))
        ]

    def create_token(self, owner: Principal, creator: Principal, request: CreateRequest) -> tuple[str, Token]:
        """Create a token and return its value, which is available only now, and its row.

        Raises:
            RefusedError: The comment is too long, the lifetime out of range, or the quota used up.
        """
        _check_comment(request.comment)
        now = self._clock.now_ms()
        expiry = self._expiry_time(request.lifetime, now)
        # Expired tokens do not count: the API's message speaks of non-expired ones.
        if self._count_unexpired(owner, now) >= self._settings.quota:
            message = "The current number of non-expired tokens exceeds the token quota. The token quota for a user is"
            raise RefusedError(400, "QUOTA_EXCEEDED", f"{message} {self._settings.quota}.")
        value = "dapi" + secrets.token_hex(16)
        token = Token(
            fingerprint(value),
            owner,
            creator,
            now,
            expiry,
            request.comment,
            request.scopes,
            autoscope=request.autoscope,
        )
        self._keep_snapshot()
        self.seed([token])
        return value, token

    def revoke_token(self, token_id: str, owner: Principal | None = None) -> None:
        """Revoke a token; with `owner`, only one of that owner.

        Raises:
            RefusedError: The token does not exist.
        """
        token = self._tokens.get(token_id)
        if token is None or (owner is not None and token.owner != owner):
            raise missing(f"Token with ID {token_id} does not exist")
        self._keep_snapshot()
        del self._tokens[token_id]

    def update_token(
        self, token_id: str, changes: CreateRequest, mask: Iterable[str], owner: Principal | None = None
    ) -> Token:
        """Change the fields that `mask` names (comment, scopes) and return the new row.

        Raises:
            RefusedError: The token does not exist (NOT_FOUND, unlike revoke's code), a field is unknown, or the comment too long.
        """
        token = self._tokens.get(token_id)
        if token is None or (owner is not None and token.owner != owner):
            raise RefusedError(404, "NOT_FOUND", f"Token with ID {token_id} does not exist")
        for name in mask:
            if name == "comment":
                _check_comment(changes.comment)
                token = replace(token, comment=changes.comment)
            elif name == "scopes":
                token = replace(token, scopes=changes.scopes)
            else:
                raise invalid(f"update_mask: unknown field '{name}'")
        self._keep_snapshot()
        self._tokens[token_id] = token
        return token

    def authenticate(self, token_id: str) -> Principal | None:
        """Return the owner of a token and record the day of use; None if the token does not exist or has expired."""
        self._drop_idle()
        token = self._tokens.get(token_id)
        now = self._clock.now_ms()
        if token is None or token.is_expired(now):
            return None
        self._tokens[token_id] = replace(token, last_accessed_time=now)
        return token.owner

    def may_use(self, principal: Principal) -> bool:
        """Return True if the principal may use tokens (CAN_USE or more)."""
        return principal.is_admin or bool(self.grants & principal.grantees)

    def replace_grants(self, grants: set[Grant]) -> None:
        """Replace the access control list; principals who lose CAN_USE lose their tokens at once, as in the API."""
        self.grants = grants
        self._keep_snapshot()
        self._tokens = {key: token for key, token in self._tokens.items() if self.may_use(token.owner)}

    def _drop_idle(self) -> None:
        """Revoke unused tokens; their rows disappear without a trace, as in the API."""
        if self._settings.idle_days:
            since = self._clock.now_ms() - self._settings.idle_days * SECONDS_PER_DAY * 1000
            self._tokens = {
                key: token
                for key, token in self._tokens.items()
                if max(token.creation_time, token.last_used_day or 0) > since
            }

    # Called before each write. Only the state before the last write is kept, so a reader misses one write at most.
    def _keep_snapshot(self) -> None:
        if self._settings.eventual:
            self._snapshot = dict(self._tokens)

    def _count_unexpired(self, owner: Principal, now: int) -> int:
        return sum(token.owner == owner and not token.is_expired(now) for token in self._tokens.values())

    def _expiry_time(self, lifetime: int | None, now: int) -> int:
        # A maximum of 0 days means no limit, except for what an int64 of milliseconds can hold.
        longest = int(self.conf["maxTokenLifetimeDays"]) * SECONDS_PER_DAY or (INT64_MAX - now) // 1000
        default = self._settings.default_lifetime_days * SECONDS_PER_DAY
        if lifetime is None and default < 0:
            return NEVER
        # A lifetime of 0 is not a missing one: the API refuses it.
        seconds = min(default, longest) if lifetime is None else lifetime
        if seconds <= 0:
            raise invalid(f"requirement failed: Invalid timeout: {seconds}")
        if seconds > longest:
            raise invalid(
                f"lifetime_seconds {seconds} is more than this workspace allows ({longest}, maxTokenLifetimeDays)"
            )
        return now + seconds * 1000


def _check_comment(comment: str | None) -> None:
    if comment is not None and len(comment) > COMMENT_LIMIT:
        raise invalid(f"comment has {len(comment)} characters, at most {COMMENT_LIMIT} are allowed")


@dataclass(frozen=True, slots=True)
class AccessToken:
    """An OAuth access token; `workspace` is None if it is valid for the whole account."""

    principal: Principal
    workspace: str | None
    expiry_time: int


class State:
    """Everything that the emulator remembers.

    Args:
        settings: the emulator's settings.
        clock: the emulator's clock.
        credentials: principals by the fingerprint of their fixed tokens, which are valid in every workspace; those that a
            workspace lists are valid there until they are revoked.
        seed_workspace: called when a workspace is first used; adds its first tokens.
        seeded_names: the workspaces that exist from the start.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        credentials: Mapping[str, Principal],
        seed_workspace: Callable[[Workspace], None],
        seeded_names: tuple[str, ...],
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.seeded_names = seeded_names
        self._credentials = credentials
        self._seed_workspace = seed_workspace
        self._workspaces: dict[str, Workspace] = {}
        self._access_tokens: dict[str, AccessToken] = {}

    def has_workspace(self, name: str) -> bool:
        """Return True if a host label (in lower case) is a workspace."""
        return name in self.seeded_names or (self.settings.any_workspace and _is_host_label(name))

    def workspace(self, name: str) -> Workspace:
        """Return the workspace of a host label (in lower case).

        Raises:
            RefusedError: The workspace does not exist.
        """
        # Workspaces are created when they are first used: with `any_workspace` any name may come.
        if name not in self._workspaces:
            if not self.has_workspace(name):
                known = ", ".join(self.seeded_names)
                raise RefusedError(404, "ENDPOINT_NOT_FOUND", f"no such workspace: '{name}' (the sandbox has {known})")
            self._workspaces[name] = Workspace(name, self.settings, self.clock)
            self._seed_workspace(self._workspaces[name])
        return self._workspaces[name]

    def issue_access_token(self, principal: Principal, workspace: str | None) -> str:
        """Return a new OAuth access token: random, but it looks like a JWT."""
        # Three parts that begin with "eyJ", so that redaction by shape meets what it will meet in reality.
        value = ".".join(("eyJ" + secrets.token_urlsafe(24), secrets.token_urlsafe(48), secrets.token_urlsafe(48)))
        expiry = self.clock.now_ms() + self.settings.oauth_lifetime * 1000
        self._access_tokens[fingerprint(value)] = AccessToken(principal, workspace, expiry)
        return value

    def authenticate(self, request: Request, workspace: Workspace | None) -> Principal:
        """Return the owner of the request's bearer credential, in a workspace or (None) at the account's own host.

        Raises:
            RefusedError: 401 without a usable credential or with an expired OAuth token, 403 with an unknown token.
        """
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not value.strip():
            raise RefusedError(401, 401, "Credential was not sent or was of an unsupported type for this API.")
        key = fingerprint(value.strip())
        principal = self._find_fixed_holder(key, workspace) or self._find_access_token_holder(key, workspace)
        if principal is None and workspace is not None:
            principal = workspace.authenticate(key)
        if principal is None:
            raise RefusedError(403, 403, "Invalid access token.")
        return principal

    def _find_fixed_holder(self, key: str, workspace: Workspace | None) -> Principal | None:
        principal = self._credentials.get(key)
        # A listed token is looked for in the list. The guest may not use tokens, so no list has the guest's.
        is_listed = workspace is not None and self.settings.list_credentials
        return None if principal is not None and is_listed and "token-users" in principal.groups else principal

    def _find_access_token_holder(self, key: str, workspace: Workspace | None) -> Principal | None:
        access = self._access_tokens.get(key)
        # A workspace's token is unknown (403) elsewhere; only an expired one of the right place gets 401.
        if access is None or (
            access.workspace is not None and (workspace is None or access.workspace != workspace.name)
        ):
            return None
        if self.clock.now_ms() >= access.expiry_time:
            raise RefusedError(401, 401, "Token is expired.")
        return access.principal


def _is_host_label(name: str) -> bool:
    return len(name) < 64 and name.isascii() and name.replace("-", "a").isalnum() and name.strip("-") == name
