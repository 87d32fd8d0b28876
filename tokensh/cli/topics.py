"""`tokensh help`: list the topics of the manual, or show one."""

from __future__ import annotations

from tokensh.cli.usage import STACKQL_COMMANDS
from tokensh.environment import Environment
from tokensh.render.manual import list_topics
from tokensh.shell.topics import show_topic


def find_topic(words: list[str]) -> str | None:
    """Return the topic that the arguments ask for, empty for the list; None if they are StackQL's `help COMMAND`."""
    match words:
        case ["help"]:
            return ""
        case ["help", name] if name == "shell" or not (name in STACKQL_COMMANDS or name.startswith("-")):
            return name
        case _:
            return None


def print_topic(name: str, environment: Environment) -> None:
    """Print a topic, or the list of them for an empty name. Raises InterfaceError for an unknown topic."""
    if name:
        show_topic(name, environment, lambda text: print(text, file=environment.stderr))
        return
    topics = list_topics()
    width = max(map(len, topics))
    lines = [f"  {topic:<{width}}  {title}\n" for topic, title in topics.items()]
    environment.stdout.writelines(
        ["tokensh help TOPIC shows one of these; tokensh --help lists the options.\n", *lines]
    )
