"""Commands about named queries."""

from __future__ import annotations

from tokensh.engine.destinations import make_destination
from tokensh.environment import handle_interrupts
from tokensh.errors import InterfaceError
from tokensh.recipes.library import Recipe, find_recipe, list_recipes
from tokensh.rows import Column, RowSet
from tokensh.shell.commands.arguments import Arguments
from tokensh.shell.commands.context import ShellContext
from tokensh.shell.commands.registry import MetaCommand
from tokensh.shell.query_store import substitute_values


def _run_query(shell: ShellContext, arguments: Arguments) -> None:
    words = arguments.words()
    if not words:
        columns = (Column("name", "string"), Column("query", "string"))
        rows = [(name, " ".join(text.split())) for name, text in shell.queries.texts.items()]
        rows += [(recipe.name, recipe.title) for recipe in list_recipes(shell.connection.environment).values()]
        shell.console.show(RowSet(columns, iter(rows)))
        return
    name, *values = words
    if name not in shell.queries.texts and name in list_recipes(shell.connection.environment):
        _run_recipe(shell, find_recipe(name, shell.connection.environment), values)
        return
    text = substitute_values(shell.queries.get(name), values, shell.connection.parser.table)
    shell.console.note(f"> {shell.connection.redactor.clean(text)}")
    shell.run_text(text if text.endswith(";") else f"{text};")


def _run_recipe(shell: ShellContext, recipe: Recipe, arguments: list[str]) -> None:
    """Run a recipe with values as `NAME=VALUE`; the shell asks for those that are missing. Raises InterfaceError."""
    if recipe.job:
        _run_job(shell, recipe, arguments)
        return
    given = dict(argument.partition("=")[::2] for argument in arguments)
    defaults = {each.name: each.default for each in recipe.parameters if each.default is not None}
    missing = {each.name: "0" for each in recipe.missing(given)}
    values = {**defaults, **{name: str(value) for name, value in given.items()}}
    recipe.complete({**missing, **values})
    variables = shell.connection.variables
    before = dict(variables)
    variables.update(values)
    try:
        shell.run_text(recipe.script(values))
    finally:
        variables.clear()
        variables.update(before)


def _run_job(shell: ShellContext, recipe: Recipe, arguments: list[str]) -> None:
    """Run a recipe that is a job, after consent. Raises Error."""
    from tokensh.recipes.jobs import make_job  # noqa: PLC0415 (few recipes have one)
    from tokensh.shell.dialogs import confirm  # noqa: PLC0415 (as in confirm.py)

    values, options = _split_options(arguments)
    connection, dry = shell.connection, "--dry-run" in options
    destination = make_destination(options.get("--deliver"), options.get("--deliver-file"), connection.environment)
    job = make_job(recipe, recipe.complete(values), connection, destination, dry=dry)
    connection.cancellation.reset()
    with handle_interrupts(connection.cancellation):
        steps = [] if dry or connection.yes else job.list_steps()
    for step in steps:
        shell.console.note(f"  {step}")
    if steps and not confirm("go on?"):
        raise InterfaceError("not confirmed; nothing was changed")
    with handle_interrupts(connection.cancellation):
        result = job.preview() if dry else job.run()
    shell.console.show(result)
    job.conclude()


def _split_options(arguments: list[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the values and the options among the words of a job: `--deliver PROGRAM`, `--deliver-file PATH`, `--dry-run`.

    Raises InterfaceError.
    """
    values: dict[str, str] = {}
    options: dict[str, str] = {}
    words = iter(arguments)
    for word in words:
        name, equals, value = word.partition("=")
        if name in _DELIVERY_OPTIONS:
            options[name] = value if equals else next(words, "")
        elif word == "--dry-run":
            options[word] = ""
        elif equals:
            values[name] = value
        else:
            raise InterfaceError(
                f"unexpected argument {word!r}", hint=f"NAME=VALUE, {', '.join(_DELIVERY_OPTIONS)} or --dry-run"
            )
    return values, options


def _save_query(shell: ShellContext, arguments: Arguments) -> None:
    # The query is kept as it was typed: its quotes are SQL's.
    name, _, text = arguments.text.partition(" ")
    text = text.strip() or shell.current_statement
    if not name or not text:
        raise InterfaceError(r"\ns needs a name and a query", hint=r"\ns mine SELECT * FROM user_tokens WHERE ...")
    shell.queries.save(name, text.rstrip("; \n"))
    shell.console.note(rf"saved: \n {name} runs it")


def _delete_query(shell: ShellContext, arguments: Arguments) -> None:
    name = arguments.value()
    shell.queries.delete(name)
    shell.console.note(f"deleted {name}")


def list_arguments(shell: ShellContext) -> dict[str, str]:
    """Return the names of queries and recipes, and the parameters of each recipe, with notes on them."""
    recipes = {name: recipe for name, recipe in shell.queries.recipes.items() if name not in shell.queries.texts}
    parameters = {
        f"{name} {parameter.name}={choice}": parameter.describe()
        for name, recipe in recipes.items()
        for parameter in recipe.parameters
        for choice in parameter.choices or ("",)
    }
    return shell.queries.texts | {name: recipe.title for name, recipe in recipes.items()} | parameters


def _query_texts(shell: ShellContext) -> dict[str, str]:
    return shell.queries.texts


_DELIVERY_OPTIONS = ("--deliver", "--deliver-file")

COMMANDS = (
    MetaCommand(
        r"\n",
        "[NAME [VALUE ...]]",
        "list named queries and recipes; run a query with values for its $1, $2, ..., a recipe with NAME=VALUE (and --dry-run, --deliver, --deliver-file if it changes tokens)",
        "What was run",
        _run_query,
        arguments=list_arguments,
    ),
    MetaCommand(
        r"\ns",
        "NAME [QUERY]",
        "name a query, or the last statement",
        "What was run",
        _save_query,
        arguments=_query_texts,
    ),
    MetaCommand(r"\nd", "NAME", "delete a named query", "What was run", _delete_query, arguments=_query_texts),
)
