"""What is written from the tables of the code, the manual's reference pages and help.txt: `python -m tests.manual_pages`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from tokensh.cli.arguments import format_help
from tokensh.dbapi.options import OPTIONS, Option
from tokensh.functions import functions
from tokensh.provider.show_kinds import SHOW_KINDS
from tokensh.render.formats import FORMATS
from tokensh.shell.commands import COMMANDS

PACKAGE = Path(__file__).parents[1] / "tokensh"
FOLDER = PACKAGE / "manual"


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; `|` in a cell is escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)


def code(text: str) -> str:
    return f"`{text}`" if text else ""


def functions_page() -> str:
    rows = [
        (code(function.call), code(function.result), function.description)
        for kind in ("scalar", "aggregate", "window")
        for _, function in sorted(functions().items())
        if function.kind == kind
    ]
    return (
        "# Functions\n\n"
        "The functions that expressions can call, with the types of their arguments and results: first those of one row, then "
        "aggregate functions, then window functions. `T` means that the arguments and the result have one type in common, "
        "`N` that these are numbers, and a `time` is a text that SQLite reads as one, or a number of days or seconds. "
        "`SHOW FUNCTIONS` lists them in the program. Times are epoch milliseconds (ms), and -1 means never.\n\n"
        + markdown_table(("call", "result", "what it returns"), rows)
    )


def formats_page() -> str:
    rows = [
        (code(name), format_.description, "masked" if format_.masks_secrets else "written")
        for name, format_ in FORMATS.items()
    ]
    return (
        "# Output formats\n\n"
        "Choose one with `-o` on the command line or `\\pset format` in the shell. In the shell, the formats for people mask "
        "the values of new tokens until `\\reveal`; the formats for programs carry them.\n\n"
        + markdown_table(("format", "what it looks like", "new secrets in the shell"), rows)
    )


def show_page() -> str:
    rows = [
        (
            code(kind.name),
            kind.description,
            ", ".join(kind.columns),
            ", ".join(kind.extended_columns),
            code(kind.example),
        )
        for kind in SHOW_KINDS.values()
    ]
    return (
        "# SHOW\n\n"
        "`SHOW [EXTENDED] kind [IN parent] [LIKE 'pattern' | WHERE condition]` lists what statements can name.\n\n"
        + markdown_table(("kind", "lists", "columns", "added by EXTENDED", "example"), rows)
    )


def commands_page() -> str:
    families = dict.fromkeys(command.family for command in COMMANDS.values())
    sections = [
        f"## {family}\n\n"
        + markdown_table(
            ("command", "what it does"),
            [
                (code(f"{command.name} {command.argument}".rstrip()), command.help)
                for command in COMMANDS.values()
                if command.family == family
            ],
        )
        for family in families
    ]
    return "# Meta commands\n\nCommands of the shell begin with a backslash; `\\?` lists them.\n\n" + "\n\n".join(
        sections
    )


def options_page() -> str:
    def spelling(option: Option) -> str:
        return ", ".join(code(f"{flag} {option.metavar}".rstrip()) for flag in option.flags)

    rows = [
        (code(option.name), spelling(option), code(option.variable), "yes" if option.in_spark else "", option.help)
        for option in OPTIONS.values()
    ]
    return (
        "# Connection options\n\n"
        "The options that `tokensh.connect()`, the command line, the SQLAlchemy URL (`?NAME=VALUE`) and the notebook magic have "
        "in common, and those that the Spark data source takes too. `connect()` also takes `token` and `auth`, which stay "
        "out of command lines and URLs because those end up in logs.\n\n"
        + markdown_table(("name", "command line and notebook", "environment", "Spark", "meaning"), rows)
    )


PAGES: dict[str, Callable[[], str]] = {
    "options.md": options_page,
    "functions.md": functions_page,
    "formats.md": formats_page,
    "show.md": show_page,
    "commands.md": commands_page,
}


def main() -> None:
    """Write every page, and help.txt."""
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page() + "\n", encoding="utf-8")
    (PACKAGE / "cli" / "help.txt").write_text(format_help(), encoding="utf-8")


if __name__ == "__main__":
    main()
