r"""`\h`: what statements look like. The tests parse every form shown here."""

from __future__ import annotations

from collections.abc import Mapping

from tokensh.errors import InterfaceError
from tokensh.provider.show_kinds import SHOW_KINDS
from tokensh.render.manual import list_topics
from tokensh.shell.commands.arguments import Arguments
from tokensh.shell.commands.context import ShellContext
from tokensh.shell.commands.registry import MetaCommand
from tokensh.shell.topics import show_topic
from tokensh.text import nearest

# A statement's first word: its summary and its forms.
STATEMENTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "SELECT": (
        "read rows; the workspaces that WHERE names are read in parallel",
        (
            "SELECT token_id, comment FROM user_tokens\nWHERE deployment_name = '{{ deployment_name }}';",
            "SELECT deployment_name, count(*) AS tokens FROM user_tokens\n"
            "WHERE deployment_name IN ('{{ first }}', '{{ second }}')\n"
            "GROUP BY deployment_name ORDER BY tokens DESC LIMIT 10;",
            "WITH soon AS (SELECT * FROM user_tokens WHERE days_left(expiry_time) < 7)\nSELECT * FROM soon;",
            "SELECT * FROM _ WHERE comment LIKE 'ci%';",
        ),
    ),
    "INSERT": (
        "create; RETURNING gives what the server answers",
        (
            "INSERT INTO user_tokens (data__comment, data__lifetime_seconds, deployment_name)\n"
            "SELECT '{{ comment }}', {{ lifetime_seconds }}, '{{ deployment_name }}'\n"
            "RETURNING token_info, token_value;",
            "INSERT INTO user_tokens (comment, lifetime_seconds)\n"
            "VALUES ('first', 3600), ('second', 7200)\n"
            "RETURNING token_value;",
            "INSERT INTO teams (name, team) VALUES ('{{ name }}', '{{ team }}')\n"
            "ON CONFLICT (name) DO UPDATE SET team = excluded.team;",
        ),
    ),
    "UPDATE": (
        "change the rows that WHERE finds, one request each",
        (
            "UPDATE token_permissions SET data__access_control_list = '{{ list }}'\n"
            "WHERE deployment_name = '{{ deployment_name }}';",
        ),
    ),
    "REPLACE": (
        "the same as UPDATE, where the API replaces the whole object",
        (
            "REPLACE token_permissions SET data__access_control_list = '{{ list }}'\n"
            "WHERE deployment_name = '{{ deployment_name }}';",
        ),
    ),
    "DELETE": (
        "revoke or delete the rows that WHERE finds, after a question that names them",
        (
            "DELETE FROM user_tokens WHERE token_id = '{{ token_id }}';",
            "DELETE FROM user_tokens WHERE comment LIKE 'nightly%'\nRETURNING token_id, comment;",
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
        f"list {', '.join(kind.lower() for kind in SHOW_KINDS)}",
        (*(f"{kind.example};" for kind in SHOW_KINDS.values()), "SHOW INSERT INTO user_tokens;"),
    ),
    "DESCRIBE": (
        "describe a resource's fields, or what a method takes and returns",
        ("DESCRIBE EXTENDED user_tokens;", "DESCRIBE METHOD user_tokens.create;"),
    ),
    "EXPLAIN": (
        "show what a statement would send, without sending it",
        ("EXPLAIN SELECT * FROM user_tokens;",),
    ),
    "USE": (
        "choose where short names are looked up",
        ("USE databricks_workspace.workspace;",),
    ),
    "CREATE": (
        "create views, materialized views and local tables, kept in the store",
        (
            "CREATE OR REPLACE VIEW mine AS\nSELECT * FROM user_tokens WHERE comment LIKE 'me%';",
            "CREATE MATERIALIZED VIEW snapshot AS SELECT * FROM user_tokens;",
            "CREATE TABLE teams (name TEXT PRIMARY KEY,\n"
            "team TEXT NOT NULL DEFAULT 'none', size INT CHECK (size > 0));",
            "CREATE INDEX by_team ON teams (team);",
        ),
    ),
    "DROP": (
        "delete from the store",
        ("DROP VIEW IF EXISTS mine;", "DROP MATERIALIZED VIEW snapshot;", "DROP TABLE teams;", "DROP INDEX by_team;"),
    ),
    "REFRESH": (
        "fetch a materialized view again",
        ("REFRESH MATERIALIZED VIEW snapshot;",),
    ),
    "REGISTRY": (
        "list the providers of the configured registry, or install one",
        ("REGISTRY LIST;", "REGISTRY LIST databricks_account;", "REGISTRY PULL databricks_account v24.12.00279;"),
    ),
    "BEGIN": (
        "queue changes until COMMIT, which sends them one by one; ROLLBACK drops them",
        ("BEGIN;", "COMMIT;", "ROLLBACK;"),
    ),
    "SAVEPOINT": (
        "undo changes of local tables, or cut off the queue of BEGIN, back to a name",
        ("SAVEPOINT before;", "ROLLBACK TO before;", "RELEASE before;"),
    ),
}
# Words that open a statement and are explained with another one.
RELATED = {
    "WITH": "SELECT",
    "VALUES": "SELECT",
    "DESC": "DESCRIBE",
    "START": "BEGIN",
    "COMMIT": "BEGIN",
    "ROLLBACK": "BEGIN",
    "RELEASE": "SAVEPOINT",
}


def _show_syntax(shell: ShellContext, arguments: Arguments) -> None:
    words = arguments.text.upper().split()
    if not words:
        width = max(map(len, STATEMENTS))
        entries = [f"  {name:<{width}}  {summary}" for name, summary in _list_summaries(shell).items()]
        shell.console.say_lines(
            (
                *entries,
                r"  \h NAME shows what one looks like, \d RESOURCE the statements of a resource",
                rf"  \h TOPIC shows a topic of the manual: {', '.join(list_topics())}",
            )
        )
        return
    name = RELATED.get(words[0], words[0])
    if name not in STATEMENTS:
        if name.lower() in list_topics():
            show_topic(name, shell.connection.environment, shell.console.note)
            return
        near = nearest(name, (*STATEMENTS, *list_topics()))
        hint = rf"did you mean \h {near}?" if near else r"\h lists the statements and topics"
        raise InterfaceError(f"no help on {arguments.text!r}", hint=hint)
    summary, forms = STATEMENTS[name]
    shell.console.say_lines((f"{name}: {summary}", *(f"\n{form}" for form in forms)))


def _list_summaries(_: ShellContext) -> Mapping[str, str]:
    return {name: summary for name, (summary, _) in STATEMENTS.items()}


def _list_arguments(shell: ShellContext) -> Mapping[str, str]:
    return {**_list_summaries(shell), **list_topics()}


COMMANDS = (
    MetaCommand(
        r"\h",
        "[STATEMENT | TOPIC]",
        "list the statements, show what one looks like, or a topic of the manual",
        "Help and leaving",
        _show_syntax,
        arguments=_list_arguments,
    ),
)
