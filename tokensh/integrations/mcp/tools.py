"""The tools: what an assistant can call, with schemas of what goes in and comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tokensh._dataclasses import dataclass
from tokensh.errors import InterfaceError
from tokensh.integrations.mcp.results import MOST_ROWS_PER_PAGE, ROWS_PER_PAGE, ROWS_SCHEMA, Result
from tokensh.integrations.mcp.session import Mode, Session
from tokensh.recipes.library import find_recipe
from tokensh.rows import Value

Arguments = Mapping[str, Any]
Run = Callable[[Session, Arguments, str | None], dict[str, Any]]
"""Runs a tool; the text is the digest of what the user has approved. Raises Error, ApprovalNeeded."""

_SECONDS_PER_DAY = 86_400
_LIMIT = {
    "type": "integer",
    "minimum": 1,
    "maximum": MOST_ROWS_PER_PAGE,
    "description": f"rows per page ({ROWS_PER_PAGE})",
}
_DAYS = {"type": "number", "minimum": 0, "maximum": 100_000}
_WORKSPACE = {"type": "string", "minLength": 1, "description": "a deployment_name; default: the session's workspace"}
_TOKEN_ID = {"type": "string", "minLength": 1, "maxLength": 200}


@dataclass(frozen=True, slots=True)
class ToolKind:
    """A tool.

    Attributes:
        description: for the model, when to call it.
        properties: the JSON Schema of its arguments.
        run: what it does.
        required: arguments without a default.
        output: the JSON Schema of its structured content.
        writes: whether it changes anything.
        destructive: whether what it changes cannot be undone.
    """

    name: str
    title: str
    description: str
    properties: Mapping[str, Any]
    run: Run
    required: tuple[str, ...] = ()
    output: Mapping[str, Any] = ROWS_SCHEMA
    writes: bool = False
    destructive: bool = False

    @property
    def input_schema(self) -> dict[str, Any]:
        """The JSON Schema of its arguments."""
        return {
            "type": "object",
            "properties": dict(self.properties),
            "required": list(self.required),
            "additionalProperties": False,
        }

    def is_offered(self, mode: Mode) -> bool:
        """Return whether the tool is offered in a mode."""
        return mode != "read_only" or not self.writes


def _page(session: Session, result: Result, arguments: Arguments) -> dict[str, Any]:
    return session.pages.first(result, arguments.get("limit", ROWS_PER_PAGE))


def _query(session: Session, arguments: Arguments, _approved: str | None) -> dict[str, Any]:
    if ("sql" in arguments) == ("cursor" in arguments):
        raise InterfaceError("give either sql or cursor")
    if "cursor" in arguments:
        return session.pages.next(arguments["cursor"], arguments.get("limit", ROWS_PER_PAGE))
    return _page(session, session.run(arguments["sql"]), arguments)


_DESCRIPTIONS = {
    "columns": "DESCRIBE {name}",
    "methods": "SHOW METHODS IN {name}",
    "resources": "SHOW RESOURCES IN {name}",
    "functions": "SHOW FUNCTIONS",
}


def _describe(session: Session, arguments: Arguments, _approved: str | None) -> dict[str, Any]:
    kind = arguments.get("kind", "columns" if "name" in arguments else "resources")
    name = arguments.get("name", "databricks_workspace.workspace" if kind == "resources" else None)
    if name is None and kind != "functions":
        raise InterfaceError(f"{kind} of which resource?", hint="give its name, such as user_tokens")
    return _page(session, session.run(_DESCRIPTIONS[kind].format(name=name)), arguments)


def _select(statement: str) -> Run:
    def run(session: Session, arguments: Arguments, _approved: str | None) -> dict[str, Any]:
        return _page(session, session.run(statement), arguments)

    return run


def _run_recipe(name: str) -> Run:
    def run(session: Session, arguments: Arguments, _approved: str | None) -> dict[str, Any]:
        recipe = find_recipe(name, session.connection.environment)
        given = {"days": str(arguments["days"])} if "days" in arguments else {}
        values = recipe.complete(given)
        session.connection.variables.update({name: str(value) for name, value in values.items() if name == "days"})
        try:
            result = session.run(recipe.script(values), tolerates=True)
        finally:
            session.connection.variables.clear()
        return _page(session, result, arguments)

    return run


def _create_token(session: Session, arguments: Arguments, approved: str | None) -> dict[str, Any]:
    cells: dict[str, Value] = {"comment": arguments["comment"]}
    if "workspace" in arguments:
        cells["deployment_name"] = arguments["workspace"]
    if "lifetime_days" in arguments:
        cells["lifetime_seconds"] = round(arguments["lifetime_days"] * _SECONDS_PER_DAY)
    statement = (
        f"INSERT INTO databricks_workspace.workspace.user_tokens ({', '.join(cells)})"  # noqa: S608 (names of ours)
        f" VALUES ({', '.join('?' * len(cells))})"
        " RETURNING json_extract(token_info, '$.token_id'), json_extract(token_info, '$.expiry_time')"
    )
    result = session.run(statement, tuple(cells.values()), writes=True, approved=approved)
    token_id, expiry_time = result.rows[0]
    content: dict[str, Any] = {"token_id": token_id, "expiry_time": expiry_time, "notes": list(result.notes)}
    for delivered in session.delivered:
        content |= {"workspace": delivered.workspace, "value_is_in": delivered.place}
    return content


_CREATED_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "token_id": {"type": "string"},
        "workspace": {"type": "string"},
        "expiry_time": {"type": "integer", "description": "epoch milliseconds; -1: never expires"},
        "value_is_in": {"type": "string", "description": "where the user finds the value, which tools never return"},
        "notes": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["token_id"],
}


def _revoke_tokens(session: Session, arguments: Arguments, approved: str | None) -> dict[str, Any]:
    token_ids = list(dict.fromkeys(arguments["token_ids"]))
    resource = "tokens" if arguments.get("of") == "everyone" else "user_tokens"
    where, cells = [f"token_id IN ({', '.join('?' * len(token_ids))})"], list[Value](token_ids)
    if "workspace" in arguments:
        where.append("deployment_name = ?")
        cells.append(arguments["workspace"])
    statement = f"DELETE FROM databricks_workspace.workspace.{resource} WHERE {' AND '.join(where)}"  # noqa: S608 (names of ours)
    result = session.run(statement, cells, writes=True, approved=approved)
    return {"revoked": result.row_count, "notes": list(result.notes)}


_REVOKED_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"revoked": {"type": "integer"}, "notes": {"type": "array", "items": {"type": "string"}}},
    "required": ["revoked"],
}


def _run_statement(session: Session, arguments: Arguments, approved: str | None) -> dict[str, Any]:
    return _page(session, session.run(arguments["sql"], writes=True, approved=approved), arguments)


TOOLS = {
    tool.name: tool
    for tool in (
        ToolKind(
            "query",
            "Query",
            "Run one statement that reads: SELECT, SHOW, DESCRIBE or EXPLAIN, in SQL. `user_tokens` are the user's own"
            " tokens, `tokens` those of everyone in the workspace (for its administrators). Times are epoch milliseconds;"
            " an expiry_time of -1 means never. Or give next_cursor of an earlier result as cursor.",
            {"sql": {"type": "string"}, "cursor": {"type": "string"}, "limit": _LIMIT},
            _query,
        ),
        ToolKind(
            "describe",
            "Describe",
            "List the resources, or the columns (with units) or methods of one, or the functions of the language.",
            {
                "name": {"type": "string", "pattern": r"^\w+(\.\w+)*$", "description": "such as user_tokens"},
                "kind": {"enum": list(_DESCRIPTIONS)},
                "limit": _LIMIT,
            },
            _describe,
        ),
        ToolKind(
            "workspaces",
            "Workspaces",
            "List the workspaces that the user has configured. Sends nothing.",
            {"limit": _LIMIT},
            _select("SELECT * FROM tokensh.local.workspaces"),
        ),
        ToolKind(
            "expiring_tokens",
            "Expiring tokens",
            "List the tokens of all configured workspaces that expire soon. The user must administer them.",
            {"days": _DAYS | {"description": "how soon (30)"}, "limit": _LIMIT},
            _run_recipe("expiring"),
        ),
        ToolKind(
            "unused_tokens",
            "Unused tokens",
            "List the tokens of all configured workspaces that nothing has used for long. The user must administer them.",
            {"days": _DAYS | {"description": "unused for so many days (75)"}, "limit": _LIMIT},
            _run_recipe("idle"),
        ),
        ToolKind(
            "pending",
            "Pending tokens",
            "List creations of tokens whose outcome or value was lost, each with the statement that cleans it up.",
            {"limit": _LIMIT},
            _select("SELECT * FROM tokensh.local.pending"),
        ),
        ToolKind(
            "create_token",
            "Create a token",
            "Create a token of the user's own. Its value is delivered to the user, never to you: tell the user where it is.",
            {
                "comment": {"type": "string", "maxLength": 1000},
                "lifetime_days": {"type": "number", "exclusiveMinimum": 0, "maximum": 100_000},
                "workspace": _WORKSPACE,
            },
            _create_token,
            required=("comment", "lifetime_days"),
            output=_CREATED_SCHEMA,
            writes=True,
        ),
        ToolKind(
            "revoke_tokens",
            "Revoke tokens",
            "Revoke tokens by their ids, for good: programs that use them stop working.",
            {
                "token_ids": {"type": "array", "items": _TOKEN_ID, "minItems": 1, "maxItems": 500},
                "workspace": _WORKSPACE,
                "of": {"enum": ["user", "everyone"], "description": "the user's own tokens (default) or everyone's"},
            },
            _revoke_tokens,
            required=("token_ids",),
            output=_REVOKED_SCHEMA,
            writes=True,
            destructive=True,
        ),
        ToolKind(
            "run_statement",
            "Run a statement",
            "Run one statement that may change something: INSERT, UPDATE, DELETE, EXEC, or changes of local tables.",
            {"sql": {"type": "string"}, "limit": _LIMIT},
            _run_statement,
            required=("sql",),
            writes=True,
            destructive=True,
        ),
    )
}
"""The tools, by name."""
