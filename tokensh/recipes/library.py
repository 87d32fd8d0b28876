r"""Find recipes and read their headers.

A header is the comment at the beginning of a script:

    -- title: Tokens that expire soon
    -- version: 1
    -- writes: no
    -- parameter: days (days) = 30: tokens that expire within so many days
    -- parameter: user: whose tokens
    -- parameter: workspaces (a | b) = a: one of several words, written as it is

A parameter without a default has to be given. The version is a part of what a recipe writes as JSON; raise it when a column is
renamed, removed or means something else. `writes: yes` is for scripts that change something; with `failures: rows`, a row
says which workspace does not answer, with `failures: warn`, a line on standard error does; the others go on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from tokensh._dataclasses import dataclass
from tokensh.config import config_path
from tokensh.environment import Environment
from tokensh.errors import InterfaceError, PlaceholderError
from tokensh.text import did_you_mean, escape_unsafe

FOLDER = Path(__file__).parent
_FIELD = re.compile(r"--\s*(title|version|writes|failures|job|parameter):\s*(.*)")
_PARAMETER = re.compile(
    r"(?P<name>\w+)(?:\s+(?=[(=:]))?(?:\((?P<unit>[^)]*)\)\s*)?(?:=(?P<default>[^:]*))?:(?P<help>.+)"
)
_NAME = re.compile(r"\w[\w-]*")


@dataclass(frozen=True, slots=True)
class RecipeParameter:
    """A value that a recipe takes.

    Attributes:
        name: of its placeholder.
        help: one line.
        unit: the unit of a number, empty for a text.
        choices: the words that it can be; they are written into the script as they are.
        default: None if it must be given.
    """

    name: str
    help: str
    unit: str = ""
    choices: tuple[str, ...] = ()
    default: str | None = None

    def describe(self) -> str:
        """Return its help with what it takes."""
        kind = " or ".join(self.choices) or self.unit or "text"
        default = "" if self.default is None else f", {self.default or 'empty'} if not given"
        return f"{self.help} ({kind}{default})"


@dataclass(frozen=True, slots=True)
class Recipe:
    """A script with its header; `failures` is `rows`, `warn` or empty, `job` what it runs besides statements, `version` of its columns, `is_own` says that it is the user's, `problem` why it cannot be run."""

    name: str
    text: str
    title: str
    parameters: tuple[RecipeParameter, ...] = ()
    writes: bool = False
    failures: str = ""
    job: str = ""
    is_own: bool = False
    version: int = 1
    problem: str = ""

    def missing(self, values: Mapping[str, object]) -> tuple[RecipeParameter, ...]:
        """Return the parameters that have neither a value nor a default."""
        return tuple(each for each in self.parameters if each.default is None and each.name not in values)

    def complete(self, values: Mapping[str, object]) -> dict[str, object]:
        """Return the values of all parameters. Raises PlaceholderError, InterfaceError."""
        if unknown := [name for name in values if name not in {each.name for each in self.parameters}]:
            names = [each.name for each in self.parameters]
            hint = did_you_mean(unknown[0], names) or f"its parameters are {', '.join(names) or '(none)'}"
            raise InterfaceError(f"the recipe {self.name} has no parameter {unknown[0]!r}", hint=hint)
        if missing := self.missing(values):
            needs = "; ".join(f"{each.name}, {each.describe()}" for each in missing)
            raise PlaceholderError(
                f"the recipe {self.name} needs {needs}",
                missing=(),
                hint="give it: " + " ".join(f"{each.name}=..." for each in missing),
            )
        complete = {each.name: values.get(each.name, each.default) for each in self.parameters}
        for each in self.parameters:
            _check_value(self.name, each, str(complete[each.name]))
        return complete

    def script(self, values: Mapping[str, object]) -> str:
        """Return the text with its choices written into it; the other placeholders are filled where it runs."""
        text = self.text
        for each in self.parameters:
            if each.choices:
                text = re.sub(rf"\{{\{{\s*{each.name}\s*\}}\}}", str(values[each.name]), text)
        return text


def _check_value(recipe: str, parameter: RecipeParameter, value: str) -> None:
    """Raise InterfaceError if a parameter cannot have a value."""
    if parameter.choices and value not in parameter.choices:
        raise InterfaceError(
            f"{recipe}: {parameter.name} is {' or '.join(parameter.choices)}, not {escape_unsafe(value)!r}"
        )
    if parameter.unit and not parameter.choices and not re.fullmatch(r"\d{1,9}(\.\d{1,6})?", value):
        raise InterfaceError(
            f"{recipe}: {parameter.name} is a number of {parameter.unit}, not {escape_unsafe(value)!r}"
        )


def user_folder(environment: Environment) -> Path:
    """Return the folder of the user's own recipes."""
    return config_path(environment).with_name("recipes")


def list_recipes(environment: Environment) -> dict[str, Recipe]:
    """Return the recipes by name, the user's own instead of ours of the same name; one with a wrong header has a `problem`."""
    recipes = {recipe.name: recipe for recipe in _read_folder(FOLDER, is_own=False)}
    recipes |= {recipe.name: recipe for recipe in _read_folder(user_folder(environment), is_own=True)}
    return dict(sorted(recipes.items()))


def find_recipe(name: str, environment: Environment) -> Recipe:
    """Return a recipe. Raises InterfaceError for an unknown name and for a wrong header."""
    recipes = list_recipes(environment)
    if name not in recipes:
        raise InterfaceError(
            f"unknown recipe {escape_unsafe(name)!r}", hint=did_you_mean(name, recipes) or "tokensh run lists them"
        )
    if problem := recipes[name].problem:
        raise InterfaceError(problem)
    return recipes[name]


def _read_folder(folder: Path, *, is_own: bool) -> Iterator[Recipe]:
    for path in sorted(folder.glob("*.sql")):
        if not _NAME.fullmatch(path.stem):
            continue
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError):
            continue  # as with named queries, one broken file does not disable the others
        try:
            yield read_recipe(path.stem, text, str(path), is_own=is_own)
        except InterfaceError as error:
            yield Recipe(path.stem, text, error.message, is_own=is_own, problem=error.message)


def read_recipe(name: str, text: str, path: str, *, is_own: bool = False) -> Recipe:
    """Return the recipe of a script. Raises InterfaceError for a wrong header."""
    title, version, writes, failures, job = name, 1, False, "", ""
    parameters: list[RecipeParameter] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith("--"):
            break
        match = _FIELD.fullmatch(line.rstrip())
        if match is None:
            continue
        match match.groups():
            case ("title", value):
                title = value
            case ("version", value) if value.isdecimal():
                version = int(value)
            case ("writes", "yes" | "no" as value):
                writes = value == "yes"
            case ("failures", "rows" | "warn" as value):
                failures = value
            case ("job", "rotate" | "offboard" as value):
                job = value
            case ("parameter", value) if found := _PARAMETER.fullmatch(value):
                parameters.append(_to_parameter(found))
            case _:
                raise InterfaceError(f"{path}:{number}: cannot read the header {line!r}")
    return Recipe(name, text, title, tuple(parameters), writes, failures, job, is_own, version)


def _to_parameter(found: re.Match[str]) -> RecipeParameter:
    unit = (found["unit"] or "").strip()
    default = found["default"].strip() if found["default"] is not None else None
    choices = tuple(word.strip() for word in unit.split("|")) if "|" in unit else ()
    return RecipeParameter(found["name"], found["help"].strip(), "" if choices else unit, choices, default)
