"""Workspaces, principals and tokens: what the emulated API remembers. No HTTP here, and no clock but the one given."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from tokensh.sandbox.http import RefusedError, Request, invalid, missing

SECONDS_PER_DAY = 86_400
"""Seconds."""
NEVER = -1
"""The API's expiry_time of a token that does not expire."""
COMMENT_LIMIT = 255
"""Characters a comment may have (AWS Secrets Manager's page on the type DatabricksPAT)."""


EMPTY_LISTS = ("absent", "null", "array")


@dataclass(slots=True)
class Settings:
    """How the emulator behaves; most may be changed while it runs.

    Attributes:
        any_workspace: every host label is a workspace, not only the seeded ones.
        tokens: extra tokens of the admin in each workspace.
        latency: seconds each request waits before it is looked at.
        quota: unexpired tokens a principal may have in a workspace (Databricks: 600).
        max_lifetime_days: the workspace setting maxTokenLifetimeDays at the start.
        default_lifetime_days: lifetime of a token created without one; -1 for no expiry, as it was before 2024.
        idle_days: tokens that were not used for so many days are gone (Databricks: 90); 0 keeps them.
        empty_list: how a list without rows is answered: `absent` ({}), `null` or `array`; clients must take all three.
        show_expired: expired tokens are still listed.
        eventual: the first read after a write shows what was there before the write.
        obo: on-behalf-of tokens are enabled.
        oauth_lifetime: seconds an OAuth access token lives.
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


class Clock:
    """Seconds since the epoch, shifted by `offset` seconds."""

    def __init__(self, offset: float = 0.0, source: Callable[[], float] = time.time) -> None:
        self.offset = offset
        self._source = source

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._source() + self.offset

    def now_ms(self) -> int:
        """Milliseconds since the epoch, the unit of the API's times."""
        return int(self.now() * 1000)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a credential stands for; `name` is a user name, or a service principal's application id."""

    number: int
    name: str
    display_name: str
    groups: tuple[str, ...]
    kind: str = "user_name"

    @property
    def is_admin(self) -> bool:
        """Whether it may see and revoke what belongs to others."""
        return "admins" in self.groups

    @property
    def grantees(self) -> set[Grant]:
        """The entries of an access control list that mean this principal."""
        return {(self.kind, self.name), *(("group_name", group) for group in self.groups)}


Grant = tuple[str, str]
"""What kind of name (`user_name`, `group_name`, `service_principal_name`) and the name, of one who has CAN_USE."""


@dataclass(frozen=True, slots=True)
class Token:
    """One token's row; times in milliseconds since the epoch. The value itself is kept nowhere, as in the API."""

    token_id: str
    owner: Principal
    creator: Principal
    creation_time: int
    expiry_time: int
    comment: str | None
    scopes: tuple[str, ...] = ()
    last_used_day: int | None = None

    def is_expired(self, now_ms: int) -> bool:
        """Whether it has stopped to authenticate."""
        return self.expiry_time != NEVER and now_ms >= self.expiry_time


@dataclass(frozen=True, slots=True)
class CreateRequest:
    """What a create asks for; `lifetime` in seconds, None or 0 for the default."""

    comment: str | None = None
    lifetime: int | None = None
    scopes: tuple[str, ...] = ()


def fingerprint(value: str) -> str:
    """The token_id of a token value: its SHA-256 (the API documents update's token_id so)."""
    return hashlib.sha256(value.encode("utf-8", "replace")).hexdigest()


class Workspace:
    """One workspace: its tokens, who may use tokens, its settings."""

    def __init__(self, name: str, settings: Settings, clock: Clock) -> None:
        self.name = name
        self.number = int(fingerprint(name)[:13], 16)
        self.grants: set[Grant] = {("group_name", "token-users")}
        self.conf = {"enableTokensConfig": "true", "maxTokenLifetimeDays": str(settings.max_lifetime_days)}
        self.had_tokens = False
        self._settings = settings
        self._clock = clock
        self._tokens: dict[str, Token] = {}
        self._snapshot: dict[str, Token] | None = None

    def seed(self, tokens: Iterable[Token]) -> None:
        """Put tokens in, past quota and limits."""
        self._tokens.update((token.token_id, token) for token in tokens)
        self.had_tokens = bool(self._tokens)

    def list_tokens(self, owner: Principal | None = None) -> list[Token]:
        """The tokens a read shows, of everyone or of one owner, oldest write first."""
        self._drop_idle()
        # An eventually consistent store answers the first read after a write from before it.
        source, self._snapshot = self._snapshot, None
        rows = self._tokens if source is None else source
        now = self._clock.now_ms()
        visible = self._settings.show_expired
        return [
            token
            for token in rows.values()
            if (owner is None or token.owner == owner) and (visible or not token.is_expired(now))
        ]

    def create_token(self, owner: Principal, creator: Principal, request: CreateRequest) -> tuple[str, Token]:
        """A new token: its value, which is given out this once, and its row.

        Raises:
            RefusedError: comment too long, lifetime out of bounds, quota used up.
        """
        _check_comment(request.comment)
        now = self._clock.now_ms()
        expiry = self._expiry_time(request.lifetime, now)
        if self._count_unexpired(owner, now) >= self._settings.quota:
            message = "The current number of non-expired tokens exceeds the token quota. The token quota for a user is"
            raise RefusedError(400, "QUOTA_EXCEEDED", f"{message} {self._settings.quota}.")
        value = "dapi" + secrets.token_hex(16)
        token = Token(fingerprint(value), owner, creator, now, expiry, request.comment, request.scopes)
        self._keep_snapshot()
        self.seed([token])
        return value, token

    def revoke_token(self, token_id: str, owner: Principal | None = None) -> None:
        """Take a token away, one of `owner`'s if that is given.

        Raises:
            RefusedError: there is no such token.
        """
        token = self._tokens.get(token_id)
        if token is None or (owner is not None and token.owner != owner):
            raise missing(f"Token with ID {token_id} does not exist")
        self._keep_snapshot()
        del self._tokens[token_id]

    def update_token(
        self, token_id: str, changes: CreateRequest, mask: Iterable[str], owner: Principal | None = None
    ) -> Token:
        """Change comment or scopes, whichever `mask` names.

        Raises:
            RefusedError: no such token (NOT_FOUND here, other than revoke's code), an unknown field, a comment too long.
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
        """Whom a token authenticates; None if there is none, or it has expired. Notes the day of the use."""
        self._drop_idle()
        token = self._tokens.get(token_id)
        now = self._clock.now_ms()
        if token is None or token.is_expired(now):
            return None
        self._tokens[token_id] = replace(token, last_used_day=now - now % (SECONDS_PER_DAY * 1000))
        return token.owner

    def may_use(self, principal: Principal) -> bool:
        """Whether the principal has CAN_USE, or more."""
        return principal.is_admin or bool(self.grants & principal.grantees)

    def replace_grants(self, grants: set[Grant]) -> None:
        """Set who has CAN_USE; the tokens of those who lose it are gone at once, as in the API."""
        self.grants = grants
        self._keep_snapshot()
        self._tokens = {key: token for key, token in self._tokens.items() if self.may_use(token.owner)}

    def _drop_idle(self) -> None:
        """Revoke what nobody uses: the rows are gone without a trace, as in the API."""
        if self._settings.idle_days:
            since = self._clock.now_ms() - self._settings.idle_days * SECONDS_PER_DAY * 1000
            self._tokens = {
                key: one for key, one in self._tokens.items() if max(one.creation_time, one.last_used_day or 0) > since
            }

    def _keep_snapshot(self) -> None:
        if self._settings.eventual:
            self._snapshot = dict(self._tokens)

    def _count_unexpired(self, owner: Principal, now: int) -> int:
        return sum(token.owner == owner and not token.is_expired(now) for token in self._tokens.values())

    def _expiry_time(self, lifetime: int | None, now: int) -> int:
        longest = int(self.conf["maxTokenLifetimeDays"]) * SECONDS_PER_DAY
        default = self._settings.default_lifetime_days * SECONDS_PER_DAY
        if not lifetime and default < 0:
            return NEVER
        seconds = lifetime or min(default, longest)
        if seconds < 0:
            raise invalid(f"lifetime_seconds must be positive, got {seconds}")
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
    """What an OAuth access token stands for; `workspace` is None for one of the whole account."""

    principal: Principal
    workspace: str | None
    expiry_time: int


class State:
    """Everything the emulator remembers.

    `credentials` are fixed ones, by fingerprint, good in every workspace; `principals` is who exists; `furnish` puts the
    first tokens into a workspace when it is first asked for.
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

    def workspace(self, name: str) -> Workspace:
        """The workspace of that host label (lower case).

        Raises:
            RefusedError: there is none.
        """
        if name not in self._workspaces:
            if name not in self.seeded_names and not (self.settings.any_workspace and _is_host_label(name)):
                known = ", ".join(self.seeded_names)
                raise RefusedError(404, "ENDPOINT_NOT_FOUND", f"no such workspace: '{name}' (the sandbox has {known})")
            self._workspaces[name] = Workspace(name, self.settings, self.clock)
            self._seed_workspace(self._workspaces[name])
        return self._workspaces[name]

    def issue_access_token(self, principal: Principal, workspace: str | None) -> str:
        """A new OAuth access token, opaque but of a JWT's looks."""
        value = ".".join(("eyJ" + secrets.token_urlsafe(24), secrets.token_urlsafe(48), secrets.token_urlsafe(48)))
        expiry = self.clock.now_ms() + self.settings.oauth_lifetime * 1000
        self._access_tokens[fingerprint(value)] = AccessToken(principal, workspace, expiry)
        return value

    def authenticate(self, request: Request, workspace: Workspace | None) -> Principal:
        """Whom the request's bearer credential stands for, in a workspace or (None) at the account's own host.

        Raises:
            RefusedError: 401 without a usable credential or with an expired OAuth token, 403 with an unknown one.
        """
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not value.strip():
            raise RefusedError(401, 401, "Credential was not sent or was of an unsupported type for this API.")
        key = fingerprint(value.strip())
        principal = self._credentials.get(key) or self._find_access_token_holder(key, workspace)
        if principal is None and workspace is not None:
            principal = workspace.authenticate(key)
        if principal is None:
            raise RefusedError(403, 403, "Invalid access token.")
        return principal

    def _find_access_token_holder(self, key: str, workspace: Workspace | None) -> Principal | None:
        access = self._access_tokens.get(key)
        if access is None or (
            access.workspace is not None and (workspace is None or access.workspace != workspace.name)
        ):
            return None
        if self.clock.now_ms() >= access.expiry_time:
            raise RefusedError(401, 401, "Token is expired.")
        return access.principal


def _is_host_label(name: str) -> bool:
    return len(name) < 64 and name.isascii() and name.replace("-", "a").isalnum() and name.strip("-") == name
