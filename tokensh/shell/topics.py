"""Show a topic of the manual, on a terminal through the pager."""

from __future__ import annotations

from collections.abc import Callable

from tokensh.environment import Environment, is_terminal
from tokensh.render.manual import read_topic, render_topic
from tokensh.shell.pager import Pager, terminal_size


def show_topic(name: str, environment: Environment, note: Callable[[str], None]) -> None:
    """Write a topic to standard output: styled on a terminal, else as it is. Raises InterfaceError for an unknown one.

    Args:
        name: the topic.
        environment: has the output, and chooses the pager.
        note: called with a message if the pager cannot run.
    """
    markdown = read_topic(name)
    if not is_terminal(environment.stdout) or environment.get("NO_COLOR") or environment.get("TERM") == "dumb":
        environment.stdout.write(markdown)
        return
    size = terminal_size(environment, environment.stdout, None)
    pager = Pager(environment, environment.stdout, size, note)
    pager.write(render_topic(markdown, size[0]))
    pager.finish()
