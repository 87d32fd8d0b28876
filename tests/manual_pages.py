"""What is written from the tables of the code: `python -m tests.manual_pages`.

These are the manual's reference pages, help.txt, the man page and the completions of shells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from tests.command_line_files import SHARE, SHARED, command_line_page
from tokensh.cli.arguments import format_help
from tokensh.dbapi.options import OPTIONS, Option
from tokensh.functions import functions
from tokensh.provider.catalog import Catalog
from tokensh.provider.show_kinds import SHOW_KINDS
from tokensh.render.formats import FORMATS
from tokensh.rows import UNIT_DESCRIPTIONS
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
                (
                    code(f"{command.name} {command.argument}".rstrip()),
                    command.help + (" (only at the prompt)" if command.needs_prompt else ""),
                )
                for command in COMMANDS.values()
                if command.family == family
            ],
        )
        for family in families
    ]
    return (
        "# Meta commands\n\nCommands begin with a backslash; `\\?` lists them. They work in the shell and in batches.\n\n"
        + "\n\n".join(sections)
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


def fields_page() -> str:
    catalog = Catalog.load_shipped()
    rows = [
        (
            code(f"{service.name}.{resource.name}"),
            code(field.name),
            field.type,
            UNIT_DESCRIPTIONS[field.unit] if field.unit else "",
        )
        for service in catalog.services("databricks_workspace")
        for resource in catalog.resources("databricks_workspace", service.name)
        for field in (*resource.fields, *resource.undocumented_fields)
    ]
    inputs = {
        (parameter.name, UNIT_DESCRIPTIONS[parameter.unit])
        for service in catalog.services("databricks_workspace")
        for resource in catalog.resources("databricks_workspace", service.name)
        for method in resource.methods
        for parameter in method.parameters
        if parameter.unit is not None
    }
    given = "; ".join(f"{code(name)} takes {unit}" for name, unit in sorted(inputs))
    return (
        "# Fields\n\n"
        "The fields of the resources that tokensh knows without a registry, with what their numbers count; "
        f"`DESCRIBE` and `\\d` say the same in the program. Of what an INSERT gives, {given}.\n\n"
        "A token that never expires has the `expiry_time` -1, which is smaller than every time: "
        "`expiry_time < to_ms('2027-01-01')` finds it too. `days_left(expiry_time) < 30` does not, because `days_left` is NULL "
        "for it. A DELETE that asks for approval says how many of its tokens never expire.\n\n"
        "A number that is compared with text is an error, and so is text in a calculation: SQLite would find every number "
        "smaller than every text. `to_ms('2027-01-01')` makes milliseconds of a time, and `from_ms(expiry_time)` a text of "
        "milliseconds. A numeral in quotes is converted, and a text column may be compared with a number that is written out. "
        "A `date` or `datetime` that a program binds to a parameter is converted where it meets a time in milliseconds. What "
        "is known only when the statement runs, the values of JSON and of columns without a type, is checked then.\n\n"
        + markdown_table(("resource", "field", "type", "unit"), rows)
    )


PAGES: dict[str, Callable[[], str]] = {
    "options.md": options_page,
    "functions.md": functions_page,
    "fields.md": fields_page,
    "formats.md": formats_page,
    "show.md": show_page,
    "commands.md": commands_page,
    "command-line.md": command_line_page,
}


def main() -> None:
    """Write every page, help.txt and what is in `share`."""
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page() + "\n", encoding="utf-8")
    for name, write in SHARED.items():
        path = SHARE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(write().rstrip("\n") + "\n", encoding="utf-8")
    (PACKAGE / "cli" / "help.txt").write_text(format_help(), encoding="utf-8")


if __name__ == "__main__":
    main()
