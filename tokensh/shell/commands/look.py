"""Commands that tell what there is: resources, views, the connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokensh.engine.diff import differences
from tokensh.shell.commands.model import MetaCommand

if TYPE_CHECKING:
    from tokensh.shell.session import Session


def _describe(session: Session, argument: str) -> None:
    if not argument:
        session.show(session.connection.run(f"SHOW RESOURCES IN {'.'.join(session.connection.namespace)}"))
        return
    for statement in (f"DESCRIBE EXTENDED {argument}", f"SHOW EXTENDED METHODS IN {argument}"):
        session.show(session.connection.run(statement))


def _diff(session: Session, argument: str) -> None:
    session.show(differences(session.connection.objects.store, argument))


def _connection(session: Session, _: str) -> None:
    told = list(session.connection.info())
    width = max(len(word) for word, _ in told)
    for word, text in told:
        session.say(f"{word:<{width}}  {text}")


COMMANDS = {
    r"\d": MetaCommand("[RESOURCE]", "resources, or a resource's fields and methods", _describe),
    r"\diff": MetaCommand("VIEW", "what the last REFRESH of a materialized view changed", _diff),
    r"\conninfo": MetaCommand("", "which workspace, host and credential", _connection),
}
