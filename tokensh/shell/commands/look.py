"""Commands that tell what there is: resources, views, the connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokensh.dbapi import SERVER
from tokensh.engine.diff import differences
from tokensh.errors import Error
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
    connection = session.connection
    session.say(f"workspace  {connection.workspace or '(none: statements must name one)'}")
    session.say(f"requests   {connection.hosts.endpoint or SERVER}")
    session.say(f"names in   {'.'.join(connection.namespace)}")
    if connection.workspace:
        try:
            session.say(f"credential {connection.credential(connection.workspace)}")
        except Error as error:
            session.say(f"credential none: {error.message}")


COMMANDS = {
    r"\d": MetaCommand("[RESOURCE]", "resources, or a resource's fields and methods", _describe),
    r"\diff": MetaCommand("VIEW", "what the last REFRESH of a materialized view changed", _diff),
    r"\conninfo": MetaCommand("", "which workspace, host and credential", _connection),
}
