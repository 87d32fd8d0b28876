r"""`\h`: what statements look like. Every form here is parsed by the tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokensh.errors import InterfaceError
from tokensh.provider.show_kinds import SHOW_KINDS
from tokensh.shell.commands.registry import MetaCommand
from tokensh.text import nearest

if TYPE_CHECKING:
    from tokensh.shell.session import Session

STATEMENTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "SELECT": (
        "read rows: a request for each workspace that the WHERE names, at the same time",
        (
            "SELECT token_id, comment FROM user_tokens WHERE deployment_name = '{{ deployment_name }}';",
            "SELECT deployment_name, count(*) AS tokens FROM user_tokens\n"
            "WHERE deployment_name IN ('{{ one }}', '{{ two }}') GROUP BY deployment_name ORDER BY tokens DESC LIMIT 10;",
            "WITH soon AS (SELECT * FROM user_tokens WHERE days_left(expiry_time) < 7) SELECT * FROM soon;",
            "SELECT * FROM _ WHERE comment LIKE 'ci%';",
        ),
    ),
    "INSERT": (
        "create: RETURNING gives what the server answers",
        (
            "INSERT INTO user_tokens (data__comment, data__lifetime_seconds, deployment_name)\n"
            "SELECT '{{ comment }}', {{ lifetime_seconds }}, '{{ deployment_name }}' RETURNING token_info, token_value;",
            "INSERT INTO user_tokens (comment, lifetime_seconds) VALUES ('one', 3600), ('two', 7200) RETURNING token_value;",
        ),
    ),
    "UPDATE": (
        "change: the rows that WHERE finds, one request each",
        (
            "UPDATE token_permissions SET data__access_control_list = '{{ list }}'\n"
            "WHERE deployment_name = '{{ deployment_name }}';",
        ),
    ),
    "REPLACE": (
        "as UPDATE, where the API replaces the whole",
        (
            "REPLACE token_permissions SET data__access_control_list = '{{ list }}'\n"
            "WHERE deployment_name = '{{ deployment_name }}';",
        ),
    ),
    "DELETE": (
        "revoke or delete the rows that WHERE finds, after a question that names them",
        (
            "DELETE FROM user_tokens WHERE token_id = '{{ token_id }}';",
            "DELETE FROM user_tokens WHERE comment LIKE 'nightly%' RETURNING token_id, comment;",
        ),
    ),
    "EXEC": (
        "call a method",
        (
            "EXEC user_tokens.revoketoken @deployment_name='{{ deployment_name }}',\n"
            '@@json=\'{"token_id": "{{ token_id }}"}\';',
        ),
    ),
    "SHOW": (
        "what there is",
        (
            *(f"{kind.example};" for kind in SHOW_KINDS.values()),
            "SHOW INSERT INTO user_tokens;",
        ),
    ),
    "DESCRIBE": (
        "a resource's fields, or what a method takes and gives",
        ("DESCRIBE EXTENDED user_tokens;", "DESCRIBE METHOD user_tokens.create;"),
    ),
    "EXPLAIN": (
        "what a statement would send; it sends nothing",
        ("EXPLAIN SELECT * FROM user_tokens;",),
    ),
    "USE": (
        "where short names are looked up",
        ("USE databricks_workspace.workspace;",),
    ),
    "CREATE": (
        "views, materialized views and local tables, kept in the store",
        (
            "CREATE OR REPLACE VIEW mine AS SELECT * FROM user_tokens WHERE comment LIKE 'me%';",
            "CREATE MATERIALIZED VIEW snapshot AS SELECT * FROM user_tokens;",
            "CREATE TABLE teams (name TEXT, team TEXT);",
        ),
    ),
    "DROP": (
        "delete from the store",
        ("DROP VIEW IF EXISTS mine;", "DROP MATERIALIZED VIEW snapshot;", "DROP TABLE teams;"),
    ),
    "REFRESH": (
        "fetch a materialized view again",
        ("REFRESH MATERIALIZED VIEW snapshot;",),
    ),
    "BEGIN": (
        "let changes wait for COMMIT, which sends them one by one; ROLLBACK drops them",
        ("BEGIN;", "COMMIT;", "ROLLBACK;"),
    ),
}
_OTHER_NAMES = {"WITH": "SELECT", "VALUES": "SELECT", "DESC": "DESCRIBE", "COMMIT": "BEGIN", "ROLLBACK": "BEGIN"}


def _syntax(session: Session, argument: str) -> None:
    words = argument.upper().split()
    if not words:
        width = max(map(len, STATEMENTS))
        for name, (summary, _) in STATEMENTS.items():
            session.say(f"  {name:<{width}}  {summary}")
        session.say(r"  \h NAME shows what one looks like, \d RESOURCE a resource's own statements")
        return
    name = _OTHER_NAMES.get(words[0], words[0])
    if name not in STATEMENTS:
        near = nearest(name, STATEMENTS)
        raise InterfaceError(
            f"there is no help on {argument!r}",
            hint=rf"did you mean \h {near}?" if near else r"\h lists the statements",
        )
    summary, forms = STATEMENTS[name]
    session.say(f"{name}: {summary}")
    for form in forms:
        session.say(f"\n{form}")


COMMANDS = {r"\h": MetaCommand("[STATEMENT]", "statements, or what one looks like", _syntax)}
