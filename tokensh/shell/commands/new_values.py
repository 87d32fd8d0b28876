"""Commands about the values of new tokens: deliver them, and see that they work."""

from __future__ import annotations

from tokensh.engine.destinations import Destination, FileDestination, ProgramDestination
from tokensh.environment import handle_interrupts
from tokensh.errors import InterfaceError
from tokensh.shell.commands.arguments import Arguments
from tokensh.shell.commands.context import ShellContext
from tokensh.shell.commands.registry import MetaCommand


def _deliver_values(shell: ShellContext, arguments: Arguments) -> None:
    environment, argument = shell.connection.environment, arguments.destination()
    if not argument.strip(" |"):
        raise InterfaceError(r"\deliver needs a file, or a program after |", hint=r"\deliver |vault kv put ci token=-")
    destination: Destination = (
        ProgramDestination(argument[1:].strip(), environment)
        if argument.startswith("|")
        else FileDestination(argument, environment)
    )
    secrets = shell.results.held_secrets()
    if not secrets:
        raise InterfaceError("no value is held", hint="INSERT INTO user_tokens makes a new token")
    destination.check()
    # All of them or none counts as delivered: those that were stay held too, which does no harm.
    for secret in secrets:
        place = destination.deliver(secret)
        shell.console.note(f"the value of {secret.describe()} went to {place}")
    while (result := shell.results.first_hidden()) is not None:
        shell.results.drop_hidden(result)
    shell.connection.mark_values_seen()


def _verify_values(shell: ShellContext, _: Arguments) -> None:
    from tokensh.engine.verification import verify_secret  # noqa: PLC0415 (the first prompt is drawn without it)

    connection = shell.connection
    secrets = shell.results.held_secrets() or shell.results.secrets[-1:]
    if not secrets:
        raise InterfaceError("no value is held", hint="INSERT INTO user_tokens makes a new token")
    connection.cancellation.reset()
    with handle_interrupts(connection.cancellation):
        for secret in secrets:
            user = verify_secret(secret, connection.client, connection.environment, connection.cancellation)
            shell.console.note(f"{secret.describe()} works, as {user}")


COMMANDS = (
    MetaCommand(
        r"\deliver",
        "FILE | |PROGRAM",
        "put the hidden values into a file (0600), or on a program's standard input",
        "Results",
        _deliver_values,
        needs_prompt=True,
    ),
    MetaCommand(
        r"\verify",
        "",
        "sign a harmless request with each hidden value, or with the last new one, to see that it works",
        "Results",
        _verify_values,
        needs_prompt=True,
    ),
)
