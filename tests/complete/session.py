"""The session that the completion tests complete in."""

from __future__ import annotations

from functools import cache

from tests.shared_parser import shared_parser
from tokensh.complete import Completer, Facts, Suggestion
from tokensh.provider.catalog import Catalog

FILES = ("a.sql", "b.sql", "out dir/c.csv")
TOKEN = "dapi" + "0123456789abcdef" * 2
FACTS = Facts(
    workspace="dbc-one",
    workspaces=("dbc-two", "dbc-one", "o'hara"),
    variables=("deployment_name", "ttl"),
    functions={
        "coalesce": "coalesce(x, y, ..)",
        "count": "count(x)",
        "json_extract": "json_extract(json, path, ..)",
        "upper": "upper(text)",
    },
    tokens=(
        ("a1b2", "ci runner", "in 3 d", "dbc-one"),
        ("a1ff", "lap\x1b[31mtop", "never", "dbc-two"),
        ("ff00", f"do not share {TOKEN}", "expired", "dbc-two"),
        ("ev\x1bil", "an id that no API gives", "never", "dbc-two"),
    ),
    commands={
        "\\d": "describe",
        "\\dt": "tables",
        "\\i": "run a file",
        "\\o": "write to a file",
        "\\q": "leave",
        "\\x": "expanded",
        "\\c": "the default workspace",
        "\\set": "variables",
        "\\timing": "times",
    },
    tables={"snap": ("token_id", "seen_at"), "odd name": ("a b", "select")},
    files=lambda typed: (name for name in FILES if name.startswith(typed)),
    profiles={"dbc-two": "prod", "dbc-three": "test"},
    arguments={
        "\\x": {"on": "", "off": "", "auto": ""},
        "\\pset": {"format": "table, csv", "null": "a text", "format table": "", "format csv": ""},
        "\\h": {"SELECT": "read rows", "SHOW": "what there is"},
        "\\n": {"expiring": "SELECT * FROM user_tokens WHERE days_left(expiry_time) < $1", "my-own": "SELECT 1"},
    },
)


@cache
def completer() -> Completer:
    return Completer(shared_parser(), Catalog.shipped())


def at(text: str, facts: Facts = FACTS, mark: str = "|") -> list[Suggestion]:
    """The suggestions where the mark stands; `⏎` is a new line."""
    before, _, after = text.replace("⏎", "\n").partition(mark)
    return completer().complete(before + after, len(before), facts)


def texts(text: str, facts: Facts = FACTS) -> list[str]:
    return [one.text for one in at(text, facts)]
