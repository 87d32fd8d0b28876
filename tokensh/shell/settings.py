"""The shell's settings, and their names and values as the user writes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

from tokensh._dataclasses import dataclass, field, replace
from tokensh.config import Config
from tokensh.environment import Environment
from tokensh.errors import InterfaceError
from tokensh.render.borders import FULL, LINE_STYLES
from tokensh.render.formats import FORMATS
from tokensh.render.options import Options, choose_linestyle
from tokensh.render.themes import THEMES, check_style, choose_theme
from tokensh.text import did_you_mean

Switch = bool | Literal["auto"]


@dataclass(slots=True)
class Settings:
    """The settings of one session: defaults, then config.toml, then the command line, then commands."""

    format: str = "table"
    header: bool = True
    quiet: bool = False
    colour: str = "auto"
    expanded: Switch = "auto"
    timing: bool = True
    confirm: bool = True
    raw_times: bool = False
    vi: bool = False
    pager: bool = True
    colours: Mapping[str, str] = field(default_factory=dict)
    """Styles of the user's own, which take precedence over the theme's."""
    plain: bool = False
    """No animation or repainting, for screen readers and dumb terminals."""
    prompt: str = "%n%x> "
    """What is before the text at the prompt; `Prompt` says what its %-signs stand for."""
    linestyle: str = "auto"
    """The characters of a table's lines."""
    border: int = FULL
    """How much of a table's frame is there, as psql counts."""
    theme: str = "auto"
    null: str | None = None
    """What NULL is written as; None: the format's own way."""

    @classmethod
    def for_batch(cls, format_name: str, options: Options, config: Config) -> Settings:
        """Return the settings of a run without a prompt: config.toml decides how tables look on a terminal, and no more.

        Raises InterfaceError for an invalid value in config.toml.
        """
        settings = cls()
        if options.width is not None:
            settings.apply_colours(config.colours)
            settings.apply_config(config.shell)
        return replace(
            settings,
            format=format_name,
            header=options.header,
            pager=False,
            confirm=False,
            expanded=options.expanded if settings.expanded == "auto" else settings.expanded,
            raw_times=settings.raw_times or options.times == "raw",
        )

    def apply_look(self, options: Options, environment: Environment) -> Options:
        """Return options that show results as the settings say; a file gets plain lines unless other ones were asked for."""
        is_automatic = self.linestyle == "auto" and not options.terminal
        return options.replace(
            expanded=self.expanded,
            times="raw" if self.raw_times else "readable",
            null=self.null,
            linestyle="ascii" if self.plain or is_automatic else choose_linestyle(self.linestyle, environment),
            border=self.border,
            theme=choose_theme(self.theme, environment),
            colours=self.colours,
        )

    def apply_config(self, table: Mapping[str, Any]) -> None:
        """Take over the `[shell]` table of config.toml. Raises InterfaceError for an invalid value."""
        for name, value in table.items():
            try:
                # TOML has booleans where the user of the shell types words.
                self.set(name, {True: "on", False: "off"}[value] if isinstance(value, bool) else value)
            except InterfaceError as error:
                raise InterfaceError(f"shell.{name} in config.toml: {error.message}", hint=error.hint) from None

    def apply_colours(self, table: Mapping[str, Any]) -> None:
        """Take over the `[colors]` table of config.toml. Raises InterfaceError for an unknown name and an invalid style."""
        try:
            self.colours = {name: check_style(name, style) for name, style in table.items()}
        except InterfaceError as error:
            raise error.with_context(message=f"[colors] in config.toml: {error.message}") from None

    def set(self, name: str, value: str) -> None:
        """Change the setting with this name in `SETTINGS`. Raises InterfaceError."""
        spec = _find_spec(name)
        if spec.values and value not in spec.values:
            choices = f"choose from {', '.join(spec.values)}"
            raise InterfaceError(f"invalid {name}: {value!r}", hint=did_you_mean(value, spec.values) or choices)
        setattr(self, spec.attribute, spec.values.get(value, value))

    @contextmanager
    def changed(self, values: Mapping[str, str]) -> Iterator[None]:
        """Change settings inside the `with` block only. Raises InterfaceError, and then changes none."""
        before = {attribute: getattr(self, attribute) for attribute in (_find_spec(name).attribute for name in values)}
        try:
            for name, value in values.items():
                self.set(name, value)
            yield
        finally:
            for attribute, meaning in before.items():
                setattr(self, attribute, meaning)

    def switch(self, name: str, value: str) -> None:
        """Change a setting that is on or off; an empty value turns it to the other. Raises InterfaceError."""
        spec = _find_spec(name)
        wanted = {"on": True, "off": False, "": getattr(self, spec.attribute) is not True}.get(value.lower())
        self.set(name, value if wanted is None else spec.write(wanted))

    def get(self, name: str) -> str:
        """Return a setting's value as the user writes it. Raises InterfaceError."""
        spec = _find_spec(name)
        return spec.write(getattr(self, spec.attribute))

    def describe(self, name: str) -> str:
        """Return a sentence with a setting's value. Raises InterfaceError."""
        shown = "(the format's own)" if name == "null" and self.null is None else self.get(name) or "''"
        return f"{name} {'are' if name.endswith('s') else 'is'} {shown}"


@dataclass(frozen=True, slots=True)
class SettingSpec:
    """A setting as the user sees it: its attribute in `Settings`, and the values it takes (none: any text)."""

    attribute: str
    values: Mapping[str, str | bool | int]

    @property
    def is_switch(self) -> bool:
        """Whether the setting can be on or off."""
        return any(value is True for value in self.values.values())

    def write(self, value: object) -> str:
        """Return the word for a value of the attribute."""
        return next(
            (word for word, meaning in self.values.items() if meaning == value and type(meaning) is type(value)),
            str(value),
        )


_ON_OFF = {"on": True, "off": False}

# What `\pset` and the `[shell]` table of config.toml may set. `quiet`, `colour` and `plain` belong to the command line only.
SETTINGS = {
    "format": SettingSpec("format", {name: name for name in FORMATS}),
    "null": SettingSpec("null", {}),
    "prompt": SettingSpec("prompt", {}),
    "linestyle": SettingSpec("linestyle", {name: name for name in ("auto", *LINE_STYLES)}),
    "border": SettingSpec("border", {"0": 0, "1": 1, "2": 2}),
    "theme": SettingSpec("theme", {name: name for name in ("auto", *THEMES)}),
    "pager": SettingSpec("pager", _ON_OFF),
    "times": SettingSpec("raw_times", {"readable": False, "raw": True}),
    "expanded": SettingSpec("expanded", {**_ON_OFF, "auto": "auto"}),
    "header": SettingSpec("header", _ON_OFF),
    "timing": SettingSpec("timing", _ON_OFF),
    "confirm": SettingSpec("confirm", _ON_OFF),
    "vi": SettingSpec("vi", _ON_OFF),
}


def _find_spec(name: str) -> SettingSpec:
    spec = SETTINGS.get(name)
    if spec is None:
        hint = did_you_mean(name, SETTINGS) or f"the settings are {', '.join(SETTINGS)}"
        raise InterfaceError(f"unknown setting {name!r}", hint=hint)
    return spec
