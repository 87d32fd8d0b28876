"""The options of the command line: one table, from which the parser, `--help`, the manual, the man page and completions are made.

Options that open a connection come from `dbapi.options`, output formats from `render.formats`. `--help` itself prints help.txt,
the text as this module last wrote it, because that takes 24 ms; building it takes 31, and argparse's formatter 43. A test
compares the two; `python -m tests.manual_pages` brings the file up to date.
"""

from __future__ import annotations

import argparse
import sys

from tokensh._dataclasses import dataclass
from tokensh.cli.usage import UsageParser, choice_of
from tokensh.dbapi.options import OPTIONS
from tokensh.environment import DEFAULT_WIDTH
from tokensh.render.formats import FORMATS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

_HELP_COLUMN = 28


@dataclass(frozen=True, slots=True)
class Argument:
    """An option of the command line.

    Attributes:
        flags: its spellings, short ones first.
        help: what it means.
        metavar: the word for its value in the help; empty: a switch.
        settings: further keyword arguments of argparse's `add_argument`.
        brief: its meaning in `--help`, which has 52 characters for it; empty: `help` is that short.
        choices: the words that its value can be.
    """

    flags: tuple[str, ...]
    help: str
    metavar: str = ""
    settings: Mapping[str, Any] | None = None
    brief: str = ""
    choices: tuple[str, ...] = ()

    # argparse gets no `help`: it would lay the text out each time, and `exec --help` would list tokensh's options twice.
    def add_to(self, parser: argparse.ArgumentParser) -> None:
        """Add the option to a parser, without its help: `format_help` has that."""
        settings: dict[str, Any] = {"metavar": self.metavar} if self.metavar else {"action": "store_true"}
        if self.choices:
            settings["type"] = choice_of("format" if self.metavar == "FORMAT" else self.flags[-1], self.choices)
        parser.add_argument(*self.flags, **(settings | dict(self.settings or {})))

    def format(self) -> str:
        """Return its lines in `--help`."""
        import textwrap  # noqa: PLC0415 (only help.txt is written with it, and every run loads this module)

        indent = "" if len(self.flags[0]) == 2 else "    "
        head = f"  {indent}{', '.join(self.flags)} {self.metavar}".rstrip()
        first, *others = textwrap.wrap(self.brief or self.help, DEFAULT_WIDTH - _HELP_COLUMN, break_on_hyphens=False)
        return "\n".join((f"{head:<{_HELP_COLUMN}}{first}", *(" " * _HELP_COLUMN + line for line in others)))


def _connection_option(name: str) -> Argument:
    option = OPTIONS[name]
    variable = f" (or {option.variable})" if option.variable else ""
    settings = {"type": _argparse_type(option.read)} if option.metavar else {}
    brief = option.brief or option.help
    return Argument(
        option.flags, option.help + variable, option.metavar, {"default": option.default, **settings}, brief=brief
    )


def _argparse_type(read: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return a `type` for argparse that reports the message of a ValueError; argparse has only the name of the function."""

    def convert(text: str) -> Any:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


# `-c` and `-f` share one list, because statements and files run in the order in which they are given.
# Abbreviations are off (`allow_abbrev=False`): a new option would change what an abbreviation in a script
# means.
SECTIONS = {
    "statements": (
        Argument(
            ("-c", "-e"),
            "run statements",
            "SQL",
            {"dest": "sources", "action": "append", "type": lambda text: ("-c", text)},
        ),
        Argument(
            ("-f", "-i"),
            "run a file; - is standard input",
            "FILE",
            {"dest": "sources", "action": "append", "type": lambda text: ("-f", text)},
        ),
        Argument(("-v", "--var"), "a value for {{ NAME }}", "NAME=VALUE", {"action": "append", "default": []}),
        Argument(("--vars",), "values for placeholders, YAML or JSON", "FILE", {"action": "append", "default": []}),
        Argument(
            ("--on-error",),
            "after a statement that failed: stop (default), continue",
            "WHAT",
            {"default": "stop"},
            "after an error: stop (default), continue",
            ("stop", "continue"),
        ),
        Argument(("--check",), "only parse; reports every syntax error"),
        Argument(("--dry-run",), "only explain; nothing is sent"),
        _connection_option("yes"),
    ),
    "new tokens": (
        Argument(
            ("--deliver",),
            "their values go to a program's standard input, not into results",
            "PROGRAM",
            brief="their values go to a program's standard input",
        ),
        Argument(
            ("--deliver-file",),
            "into a file (0600); {deployment_name}, {token_id} in its path",
            "PATH",
            brief="into a file (0600); {token_id} in its path",
        ),
        Argument(
            ("--verify",),
            "sign a request with each new token, and fail if it is refused",
            brief="sign a request with each; fail if it is refused",
        ),
    ),
    "workspaces": tuple(
        map(
            _connection_option,
            (
                "workspace",
                "profile",
                "sandbox",
                "endpoint",
                "partial",
                "timeout",
                "max_connections",
                "write_connections",
                "max_reply",
                "max_pages",
                "log",
            ),
        )
    ),
    "results": (
        Argument(
            ("-o", "--output"),
            ", ".join(FORMATS).replace("table", "table (default)", 1),
            "FORMAT",
            choices=tuple(FORMATS),
        ),
        Argument(("-O", "--outfile"), "write results to a file", "FILE"),
        Argument(("-H", "--hideheaders"), "no column names"),
        Argument(
            ("--csv-safe",),
            "csv: prefix cells that a spreadsheet would evaluate with '",
            brief="csv: ' before cells that a spreadsheet evaluates",
        ),
        Argument(
            ("--color",),
            "styles in tables: auto (default), always, never",
            "WHEN",
            {"default": "auto"},
            choices=("auto", "always", "never"),
        ),
        Argument(("--fail-if-rows",), "exit status 1 if a query has rows, for checks"),
        Argument(("-q", "--quiet"), "no banner, counts or notes, but for warnings"),
        Argument(("--plain",), "no animation or repainting, for screen readers"),
    ),
    "other options": (
        _connection_option("registry"),
        _connection_option("store"),
        Argument(
            ("-X", "--no-rc"),
            "do not run rc.sql, which is beside config.toml, in the shell",
            brief="do not run rc.sql in the shell",
        ),
        Argument(("-V", "--version"), "print the version"),
        Argument(("-h", "--help"), "print this text"),
    ),
}
"""The options in the sections of `--help`."""

COMMANDS = {
    "run": ("[NAME]", "a recipe: audit, rotate, offboard and others"),
    "help": ("[TOPIC]", "the manual, by topics"),
    "reveal": ("[TOKEN_ID]", "the value of a new token that waits to be seen"),
    "mcp": ("", "serve assistants (Model Context Protocol)"),
    "serve": ("", "serve PostgreSQL clients"),
    "exec": ("SQL", "StackQL's spelling of the options"),
}
"""The commands that may come first: their arguments, and what they do. `COMMAND --help` lists what one takes."""

_USAGE = """\
usage: tokensh [COMMAND] [OPTION]...
A SQL shell for Databricks personal access tokens, in the StackQL dialect.
"""
_END = """\
Without -c and -f, statements are read from standard input; on a terminal the
shell opens. Defaults, exit statuses, examples: tokensh help command-line
"""


def format_help() -> str:
    """Return the text of `--help`, for 80 columns."""
    sections = (
        f"{title}:\n" + "".join(f"{argument.format()}\n" for argument in arguments)
        for title, arguments in SECTIONS.items()
    )
    width = _HELP_COLUMN - 4
    commands = (f"  {f'{name} {words}'.rstrip():<{width}}  {text}\n" for name, (words, text) in COMMANDS.items())
    return "\n".join((_USAGE, "commands:\n" + "".join(commands), *sections, _END))


def build_parser(version: str) -> argparse.ArgumentParser:
    """Return the parser of tokensh's own options; `version` is what `--version` prints."""
    # Nothing is printed with it, but argparse asks for one at each option. Without a width it reads the environment, and loads
    # shutil with every compression library for it.
    formatter = argparse.HelpFormatter("tokensh", width=DEFAULT_WIDTH)

    class Parser(UsageParser):
        def format_help(self) -> str:
            return format_help()

    parser = Parser(
        prog="tokensh",
        formatter_class=lambda prog: formatter,  # noqa: ARG005 (argparse's name)
        allow_abbrev=False,
    )
    for arguments in SECTIONS.values():
        for argument in arguments:
            match argument.flags[-1]:
                case "--help":
                    pass  # argparse adds it
                case "--version":
                    parser.add_argument(*argument.flags, action="version", version=version)
                case _:
                    argument.add_to(parser)
    # Only StackQL's spelling sets these.
    parser.set_defaults(auth=None, delimiter=None, environment={}, despatched=False, recipe=None, door=None)
    return parser


if __name__ == "__main__":
    sys.stdout.write(format_help())
