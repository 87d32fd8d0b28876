"""Commands about the session: its workspace and variables, files and programs to run, its end."""

from __future__ import annotations

import subprocess

from tokensh.environment import handle_interrupts
from tokensh.errors import InterfaceError
from tokensh.shell.commands.arguments import Arguments
from tokensh.shell.commands.context import ShellContext
from tokensh.shell.commands.registry import ExitShell, MetaCommand
from tokensh.shell.redirection import describe_exit, leave_ctrl_c_to_child
from tokensh.text import did_you_mean, escape_unsafe


def _leave_shell(shell: ShellContext, _: Arguments) -> None:
    if shell.results.must_warn_of_hidden():
        shell.console.note(r"a token's value was never shown: \reveal shows it, \q again leaves")
        return
    raise ExitShell


def _use_workspace(shell: ShellContext, arguments: Arguments) -> None:
    connection = shell.connection
    if name := arguments.value():
        _enter_workspace(shell, connection.profiles.get(name, name))
    if connection.workspace is None:
        shell.console.note("no workspace is set: statements must name one")
        return
    shell.results.add_workspaces(connection.workspace)
    facts = dict(connection.describe())
    place = ", ".join(escape_unsafe(facts[name]) for name in ("host", "credential") if name in facts)
    shell.console.note(f"workspace is {connection.workspace} ({place})")


def _list_workspaces(shell: ShellContext, _: Arguments) -> None:
    shell.console.show(shell.connection.run("SELECT * FROM tokensh.local.workspaces"))


def _probe_workspaces(shell: ShellContext, _: Arguments) -> None:
    with handle_interrupts(shell.connection.cancellation):
        shell.console.show(shell.connection.probe_workspaces())


def _enter_workspace(shell: ShellContext, name: str) -> None:
    """Make a workspace the session's. One that is not configured is asked first, and must answer. Raises Error."""
    connection = shell.connection
    before = connection.workspace
    connection.use_workspace(name)
    if connection.workspace in (before, *connection.workspaces):
        return
    try:
        with handle_interrupts(connection.cancellation):
            connection.probe_workspace()
    except BaseException:
        connection.workspace = before
        raise


def _set_variable(shell: ShellContext, arguments: Arguments) -> None:
    name, rest = arguments.split()
    variables = shell.connection.variables
    if not name:
        for each, known in sorted(variables.items()):
            shell.console.say(f"{each} = {shell.connection.redactor.clean(str(known))}")
    elif name == "confirm":
        shell.settings.switch("confirm", rest.value())
    else:
        variables[name] = rest.value()


def _unset_variable(shell: ShellContext, arguments: Arguments) -> None:
    variables, name = shell.connection.variables, arguments.value()
    if name not in variables:
        raise InterfaceError(f"unknown variable {name!r}", hint=did_you_mean(name, variables))
    del variables[name]


def _include_file(shell: ShellContext, arguments: Arguments) -> None:
    name = arguments.value()
    if not name:
        raise InterfaceError(r"\i needs a file")
    shell.run_file(shell.connection.environment.expand_path(name), name)


def _echo_text(shell: ShellContext, arguments: Arguments) -> None:
    shell.console.say(arguments.line)


def _run_program(shell: ShellContext, arguments: Arguments) -> None:
    argument = arguments.line
    program = shell.connection.environment.get("SHELL", "/bin/sh")
    command = [program, "-c", argument] if argument else [program]
    try:
        with leave_ctrl_c_to_child():
            done = subprocess.run(command, check=False)  # noqa: S603 (the user typed it)
    except OSError as failure:
        raise InterfaceError(f"cannot run {program}: {failure.strerror}", hint="SHELL names the program") from None
    except ValueError:  # a NUL, or half a character
        raise InterfaceError(f"cannot run {argument!r}: it holds a character that commands cannot have") from None
    if done.returncode:
        raise InterfaceError(f"the program {argument or program} {describe_exit(done.returncode)}")


COMMANDS = (
    MetaCommand(
        r"\q",
        "",
        "leave; also Ctrl-D, exit, quit",
        "Help and leaving",
        _leave_shell,
        words=("exit", "quit", ":q"),
    ),
    MetaCommand(
        r"\c", "[WORKSPACE | PROFILE]", "use this workspace where a statement names none", "The session", _use_workspace
    ),
    MetaCommand(
        r"\l",
        "",
        "list the workspaces of the configuration, with host, credential and last use",
        "The session",
        _list_workspaces,
    ),
    MetaCommand(
        r"\l+",
        "",
        "the same, with what each answers to a harmless request, and as which user",
        "The session",
        _probe_workspaces,
    ),
    MetaCommand(
        r"\set",
        "[NAME [VALUE]]",
        r"give a placeholder a value; \set confirm off stops asking before a revoke",
        "The session",
        _set_variable,
    ),
    MetaCommand(r"\unset", "NAME", "forget a placeholder's value", "The session", _unset_variable),
    MetaCommand(
        r"\i", "FILE", "run a file's statements and commands, up to the first error", "The session", _include_file
    ),
    MetaCommand(r"\echo", "TEXT", "write a text", "The session", _echo_text),
    MetaCommand(r"\!", "[COMMAND]", "run a program, or the system's shell", "The session", _run_program),
)
