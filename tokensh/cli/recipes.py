"""`tokensh run`: list the recipes, print one, or run it."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING

from tokensh._dataclasses import replace
from tokensh.cli.batch import ScriptRunner
from tokensh.cli.reporter import Reporter
from tokensh.cli.scripts import from_text
from tokensh.cli.usage import UsageParser
from tokensh.engine.destinations import Destination
from tokensh.environment import Environment, handle_interrupts, is_terminal, raise_interrupts
from tokensh.errors import Error, InterfaceError, Interrupted, OutputError, UnknownOutcome
from tokensh.recipes.library import Recipe, find_recipe, list_recipes
from tokensh.rows import Column, Row, RowSet
from tokensh.text import make_inert, plural

if TYPE_CHECKING:
    from tokensh.dbapi.connection import Connection


def parse(words: list[str], native: argparse.ArgumentParser) -> argparse.Namespace:
    """Parse the arguments after `run`. Raises InterfaceError."""
    parser = UsageParser(
        prog="tokensh run",
        description="Run a recipe with values for its parameters; without a name, list the recipes. tokensh's own options work too.",
        parents=[native],
        conflict_handler="resolve",
        allow_abbrev=False,
    )
    parser.add_argument("recipe", metavar="NAME", nargs="?", help="the recipe")
    parser.add_argument("values", metavar="NAME=VALUE", nargs="*", help="a value for a parameter, as with -v")
    parser.add_argument("--show", action="store_true", help="print its text")
    parser.add_argument("--grace", metavar="DAYS", help="rotate: keep the old token for so long")
    for action in parser._actions:
        action.help = action.help or argparse.SUPPRESS  # tokensh's own options, which `tokensh --help` describes
    options = parser.parse_intermixed_args(words)
    options.recipe = options.recipe or ""
    parser.refuse_unknown([word for word in options.values if "=" not in word])
    grace = [] if options.grace is None else [f"grace={options.grace}"]
    options.var = [*options.var, *options.values, *grace]
    if options.sources is not None or options.check:
        raise InterfaceError("a recipe takes neither -c, -f nor --check", hint="-v NAME=VALUE gives it values")
    return options


def print_recipes(options: argparse.Namespace, environment: Environment) -> bool:
    """Print the list of recipes, or the text of one if that is what was asked; return whether it was. Raises InterfaceError."""
    if not options.recipe:
        recipes = list_recipes(environment).values()
        width = max(len(recipe.name) for recipe in recipes)
        lines = [f"{recipe.name:<{width}}  {recipe.title}" for recipe in recipes]
    elif options.show:
        lines = find_recipe(options.recipe, environment).text.rstrip("\n").split("\n")
    else:
        return False
    environment.stdout.write("".join(f"{make_inert(line)}\n" for line in lines))
    return True


def read_values(recipe: Recipe, given: Mapping[str, object], environment: Environment) -> dict[str, object]:
    """Return the values of all parameters; at a terminal those that are missing are asked for. Raises InterfaceError."""
    values = dict(given)
    if is_terminal(environment.stdin) and is_terminal(environment.stderr):
        for parameter in recipe.missing(values):
            values[parameter.name] = _ask(f"{parameter.name}: {parameter.describe()}\n> ", environment)
    return recipe.complete(values)


def _ask(question: str, environment: Environment) -> str:
    """Return the line that the user types at a terminal. Raises Interrupted: Ctrl-C or Ctrl-D."""
    environment.stderr.write(question)
    environment.stderr.flush()
    try:
        with raise_interrupts():
            line = environment.stdin.readline()
    except KeyboardInterrupt:
        line = ""
    if not line:
        environment.stderr.write("\n")
        raise Interrupted("interrupted; nothing was changed", reason="declined")
    return line.rstrip("\n")


_SCHEMA = Column("schema", "string")
"""In JSON, the first member of each row: the recipe and the version of its columns."""


class RecipeRunner:
    """Runs one recipe on a connection.

    Args:
        connection: runs it; its callbacks are set.
        runner: runs statements.
        reporter: gets the errors.
        destination: takes the values of new tokens, if one was given.
        dry: say what would be done.
    """

    def __init__(
        self,
        connection: Connection,
        runner: ScriptRunner,
        reporter: Reporter,
        *,
        destination: Destination | None,
        dry: bool,
    ) -> None:
        self._connection = connection
        self._runner = runner
        self._reporter = reporter
        self._destination = destination
        self._dry = dry

    def run(self, recipe: Recipe, values: Mapping[str, object]) -> None:
        """Run a recipe; errors go to the reporter."""
        failures: dict[str, Error] = {}
        self._runner.adapt_result = lambda result: self._adapt_result(result, recipe, failures)
        try:
            if recipe.job:
                with handle_interrupts(self._connection.cancellation):
                    self._run_job(recipe, values)
            else:
                self._run_statements(recipe, values, failures)
        except Error as error:
            self._reporter.error(error)

    # ---- statements

    def _adapt_result(self, result: RowSet, recipe: Recipe, failures: Mapping[str, Error]) -> RowSet:
        """Return a result with a row for each failure, and in JSON with the version of its columns, for programs."""
        rows = chain(result.rows, _failure_rows(result.columns, failures)) if recipe.failures == "rows" else result.rows
        if self._runner.format not in ("json", "jsonl"):
            return RowSet(result.columns, rows, result.incremental)
        schema = f"{recipe.name}/{recipe.version}"
        return RowSet((_SCHEMA, *result.columns), ((schema, *row) for row in rows), result.incremental)

    def _run_statements(self, recipe: Recipe, values: Mapping[str, object], failures: dict[str, Error]) -> None:
        connection = self._connection
        choices = {parameter.name for parameter in recipe.parameters if parameter.choices}
        connection.variables.update({name: str(value) for name, value in values.items() if name not in choices})
        if recipe.failures:
            connection.callbacks = replace(connection.callbacks, on_tolerated=failures.update)
        self._runner.run([from_text(recipe.script(values), f"{recipe.name}.sql")])
        if failures and recipe.failures == "warn":
            for error in failures.values():
                self._reporter.warning(error)
        elif failures:
            self._reporter.fail()

    # ---- jobs

    def _run_job(self, recipe: Recipe, values: Mapping[str, object]) -> None:
        from tokensh.recipes.jobs import make_job  # noqa: PLC0415 (few recipes have one)

        job = make_job(recipe, values, self._connection, self._destination, dry=self._dry)
        if self._dry:
            self._runner.write_result(job.preview())
        else:
            self._approve(job.list_steps, recipe.name)
            self._write_report(job.run())
        if not job.conclude():
            self._reporter.fail()

    def _approve(self, list_steps: Callable[[], list[str]], name: str) -> None:
        """Ask whether the steps may be done. Raises InterfaceError, Interrupted."""
        environment, connection = self._connection.environment, self._connection
        lines = [] if connection.yes else list_steps()
        if not lines:
            return
        if not (is_terminal(environment.stdin) and is_terminal(environment.stderr)):
            raise InterfaceError(
                f"{name} takes {plural(len(lines), 'step')}: {'; '.join(lines)}",
                hint="say --yes if that is right; nothing was changed",
            )
        for line in lines:
            self._reporter.write(f"  {line}")
        if _ask("go on? [y/N] ", environment).strip().lower() not in ("y", "yes"):
            raise Interrupted("not confirmed; nothing was changed", reason="declined")

    def _write_report(self, result: RowSet) -> None:
        """Write what a job did. Raises UnknownOutcome if that is lost: the exit status must not say that nothing was done."""
        try:
            self._runner.write_result(result)
        except OutputError as error:
            raise UnknownOutcome(
                f"the work was done, but its report is lost: {error.message}", hint="run it again to see what is left"
            ) from None


def _failure_rows(columns: tuple[Column, ...], failures: Mapping[str, Error]) -> Iterator[Row]:
    """Yield a row for each workspace that did not answer, once all rows were read."""
    for name, error in sorted(failures.items()):
        cells = {"deployment_name": name, "severity": "high", "finding": "no answer", "detail": error.message}
        yield tuple(cells.get(column.name) for column in columns)
