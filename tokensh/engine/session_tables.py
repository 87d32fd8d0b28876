"""The names and columns of the session's own tables, apart from the modules that make their rows: few statements need those."""

from __future__ import annotations

from tokensh.rows import Column

STATEMENTS = "tokensh.local.statements"
STATEMENT_COLUMNS = (
    Column("id", "integer"),
    Column("statement", "string"),
    Column("start_time", "integer", f"{STATEMENTS}.start_time"),
    Column("duration", "number"),
    Column("rows", "integer"),
    Column("workspace", "string"),
    Column("outcome", "string"),
)
"""`start_time` in epoch ms, `duration` in seconds."""

PENDING = "tokensh.local.pending"
PENDING_COLUMNS = (
    Column("id", "string"),
    Column("sent_time", "integer", f"{PENDING}.sent_time"),
    Column("workspace", "string"),
    Column("host", "string"),
    Column("resource", "string"),
    Column("comment", "string"),
    Column("lifetime_seconds", "integer"),
    Column("token_id", "string"),
    Column("statement", "string"),
)
"""`sent_time` in epoch ms; `statement` revokes the token or, without a `token_id`, looks for it."""
