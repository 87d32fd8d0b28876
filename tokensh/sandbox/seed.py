"""The principals, workspaces and tokens that the sandbox starts with: the same ids at each start, times relative to now."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from tokensh._dataclasses import dataclass
from tokensh.sandbox.state import (
    NEVER,
    SECONDS_PER_DAY,
    Clock,
    Principal,
    Settings,
    State,
    Token,
    Workspace,
    fingerprint,
)

ADMIN = Principal(8432093917481966, "ada@example.com", "Ada Admin", ("admins", "users", "token-users"))
USER = Principal(5719280463317842, "ed@example.com", "Ed Engineer", ("users", "token-users"))
GUEST = Principal(3107264958113570, "gus@example.com", "Gus Guest", ("users",))
ROBOT = Principal(
    6620914375508213,
    "4c1f2a6e-9d03-4b7a-8f55-0e6d7a2b91c4",
    "deployer",
    ("admins", "users", "token-users"),
    kind="service_principal_name",
)
PRINCIPALS = (ADMIN, USER, GUEST, ROBOT)
ACCOUNT_ID = "7d0f4c52-31ab-4e7e-a2a5-5a1c9b0d6e83"


def _derive_secret(prefix: str, *words: object) -> str:
    # Derived instead of written down: secret scanners would report a made-up credential in the source as a real one.
    return prefix + hashlib.sha256(repr(("tokensh sandbox", *words)).encode()).hexdigest()[:32]


TOKEN = _derive_secret("dapi", "admin")
USER_TOKEN = _derive_secret("dapi", "user")
GUEST_TOKEN = _derive_secret("dapi", "guest")
CLIENT_SECRET = _derive_secret("dose", "robot")


@dataclass(frozen=True, slots=True)
class SeedToken:
    """A token to seed: age, lifetime (None: never expires) and last use (None: never used), all in days."""

    comment: str | None
    age: float
    lifetime: float | None
    idle: float | None


# Tokens of others in each workspace, so that an admin's listing differs from the admin's own tokens.
_OTHER_SEEDS = (
    (USER, USER, SeedToken("ed's scratch pad", 12, 30, 2)),
    (ROBOT, ADMIN, SeedToken("deployer, on behalf", 60, 180, 0)),
)
# Comments that break careless output: quotes, separators, control sequences, a formula, the word NULL, wide characters,
# an empty comment, none at all, and one of the longest length. Ages and lifetimes cover expired, expiring and never.
_ADMIN_SEEDS = {
    "dbc-abcd0123-a1bc": (
        SeedToken("terraform ci", 640, None, 1),
        SeedToken("nightly export", 200, 90, 111),
        SeedToken("dbt production", 87, 90, 0),
        SeedToken("Zoë's laptop ✨ 東京", 30, 365, None),
        SeedToken("", 10, 730, None),
        SeedToken("""it's "quoted"; -- with, every\\thing""", 5, 30, 1),
        SeedToken("\x1b[31mred alert\x1b[0m", 2, 7, None),
    ),
    "dbc-bcde1234-b2cd": (
        SeedToken("legacy airflow, do not touch", 900, None, 80),
        SeedToken("hackathon", 45, 14, 33),
        SeedToken("tableau", 27, 30, 0),
        SeedToken("the longest comment a token can have: " + "lorem ipsum " * 18 + "x", 100, 365, None),
        SeedToken("=1+1", 20, 90, 4),
        SeedToken("two\nlines\tand a tab", 8, 90, None),
    ),
    "dbc-cdef2345-c3de": (
        SeedToken("break glass", 720, None, None),
        SeedToken("migration", 130, 120, 12),
        SeedToken("grafana", 362, 365, 0),
        SeedToken(None, 15, 180, 3),
        SeedToken("NULL", 1, 1.5, 0),
    ),
}
WORKSPACES = tuple(_ADMIN_SEEDS)


def seeded_state(settings: Settings, clock: Clock) -> State:
    """Return a new state with the seeded workspaces; any other workspace starts with the extra tokens only."""
    credentials = {fingerprint(TOKEN): ADMIN, fingerprint(USER_TOKEN): USER, fingerprint(GUEST_TOKEN): GUEST}

    def seed_workspace(workspace: Workspace) -> None:
        now = clock.now_ms()
        workspace.seed(_seed_tokens(workspace.name, now, settings.tokens))
        if settings.list_credentials:
            workspace.seed(
                _build_credential(owner, value, now) for owner, value in ((ADMIN, TOKEN), (USER, USER_TOKEN))
            )

    return State(settings, clock, credentials, seed_workspace, WORKSPACES)


def _seed_tokens(workspace: str, now: int, extra: int) -> Iterator[Token]:
    own = _ADMIN_SEEDS.get(workspace)
    for seed in own or ():
        yield _build_token(workspace, now, ADMIN, ADMIN, seed)
    for owner, creator, seed in _OTHER_SEEDS if own else ():
        yield _build_token(workspace, now, owner, creator, seed)
    for number in range(extra):
        yield _build_token(workspace, now, ADMIN, ADMIN, _extra_seed(number))


def _extra_seed(number: int) -> SeedToken:
    """Return one of many tokens: of each dozen one never expires, one has expired, one expires soon, two have odd comments.

    Each comment ends in its number, so that each token has its own id.
    """
    age, idle = 1 + number % 300, number % 90 or None
    match number % 12:
        case 3:
            return SeedToken(f"for ever {number}", 400 + age, None, idle)
        case 5:
            return SeedToken(f"long gone {number}", 60 + age, 30, age)
        case 7:
            return SeedToken(f"ends soon {number}", 29.5, 30 + number % 3, 0)
        case 9:
            return SeedToken(f"Zürich 東京 ✨ {number}", age, 365, idle)
        case 11:
            return SeedToken(
                f"{'as long as a comment may be ' * 10}"[: 255 - len(str(number))] + str(number), age, 730, None
            )
        case _:
            return SeedToken(f"extra {number}", age, 365, idle)


def _build_token(workspace: str, now: int, owner: Principal, creator: Principal, seed: SeedToken) -> Token:
    created = now - _days_to_ms(seed.age)
    return Token(
        token_id=fingerprint(_derive_secret("dapi", workspace, owner.name, seed.comment)),
        owner=owner,
        creator=creator,
        creation_time=created,
        expiry_time=NEVER if seed.lifetime is None else created + _days_to_ms(seed.lifetime),
        comment=seed.comment,
        last_accessed_time=None if seed.idle is None else now - _days_to_ms(seed.idle),
    )


def _build_credential(owner: Principal, value: str, now: int) -> Token:
    created = now - _days_to_ms(1)
    expiry = created + _days_to_ms(730)
    return Token(fingerprint(value), owner, owner, created, expiry, "the sandbox's own credential")


def _days_to_ms(days: float) -> int:
    return int(days * SECONDS_PER_DAY * 1000)
