"""The session, and the catalog, in which the completion tests complete."""

from __future__ import annotations

from functools import cache

from tests.shared_parser import shared_parser
from tokensh.complete import Completer, Facts, Suggestion
from tokensh.errors import Span
from tokensh.provider import document
from tokensh.provider.catalog import Catalog
from tokensh.provider.model import Resource, ServiceInfo

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
    tables={
        "tokensh.local.statements": ("id", "statement"),
        "tokensh.local.workspaces": ("deployment_name",),
        "snap": ("token_id", "seen_at"),
        "odd name": ("a b", "select"),
        "soon": ("token_id",),
        "kept": ("token_id",),
        "_": ("token_id",),
    },
    kinds={
        "tokensh.local.statements": "log",
        "tokensh.local.workspaces": "list",
        "soon": "view",
        "kept": "materialized view",
        "_": "result",
    },
    files=lambda typed: (name for name in FILES if name.startswith(typed)),
    profiles={"dbc-two": "prod", "dbc-three": "test"},
    arguments={
        "\\x": {"on": "", "off": "", "auto": ""},
        "\\pset": {"format": "table, csv", "null": "a text", "format table": "", "format csv": ""},
        "\\h": {"SELECT": "read rows", "SHOW": "what there is"},
        "\\n": {
            "expiring": "SELECT * FROM user_tokens WHERE days_left(expiry_time) < $1",
            "my-own": "SELECT 1",
            "soon": "what expires",
            "soon days=": "how soon (days)",
            "soon from=here": "",
            "soon from=there": "",
        },
    },
)


class FixedCatalog(Catalog):
    """The shipped catalog without what is added to it later, so that an addition changes no test."""

    SERVICES = ("settings", "workspace")
    RESOURCES = ("token_management", "token_permission_levels", "token_permissions", "tokens", "user_tokens")

    def __init__(self) -> None:
        super().__init__([document.load_shipped_provider()])

    def services(self, provider: str, span: Span | None = None) -> tuple[ServiceInfo, ...]:
        return tuple(service for service in super().services(provider, span) if service.name in self.SERVICES)

    def resources(self, provider: str, service: str, span: Span | None = None) -> tuple[Resource, ...]:
        resources = super().resources(provider, service, span)
        return tuple(resource for resource in resources if resource.name in self.RESOURCES)


@cache
def completer() -> Completer:
    return Completer(shared_parser(), FixedCatalog())


def at(text: str, facts: Facts = FACTS, mark: str = "|") -> list[Suggestion]:
    """Return the suggestions at the mark; `⏎` is a new line."""
    before, _, after = text.replace("⏎", "\n").partition(mark)
    return completer().complete(before + after, len(before), facts)


def texts(text: str, facts: Facts = FACTS) -> list[str]:
    return [suggestion.text for suggestion in at(text, facts)]
