"""Rules to nodes: one action for each rule of the grammar; read them beside grammar/stackql.lark."""

from tokensh.sql.actions import expressions, query, statements  # noqa: F401 (they register their actions)
from tokensh.sql.actions.registry import NEVER_BARE_ALIASES, actions_for

__all__ = ["NEVER_BARE_ALIASES", "actions_for"]
