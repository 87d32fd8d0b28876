"""What a person may change while the shell runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from tokensh._dataclasses import dataclass
from tokensh.errors import InterfaceError
from tokensh.render.formats import FORMATS
from tokensh.text import nearest

Switch = bool | Literal["auto"]


@dataclass(slots=True)
class Settings:
    """The shell's settings, as the command line, config.toml and commands have left them."""

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
    plain: bool = False
    """No animation, nothing painted anew: for screen readers and dumb terminals."""
    null: str = ""
    """What stands for NULL; empty: the format's own way."""

    def take(self, given: Mapping[str, Any]) -> None:
        """Settings of config.toml. Raises InterfaceError for a value that is none."""
        for name, value in given.items():
            try:
                self.set(name, {True: "on", False: "off"}[value] if isinstance(value, bool) else value)
            except InterfaceError as error:
                raise InterfaceError(f"shell.{name} in config.toml: {error.message}", hint=error.hint) from None

    def set(self, name: str, word: str) -> None:
        """Change one by its name in `OPTIONS`. Raises InterfaceError."""
        option = _option(name)
        if option.words and word not in option.words:
            raise InterfaceError(f"{word!r} is none of {', '.join(option.words)}")
        setattr(self, option.attribute, option.words.get(word, word))

    def get(self, name: str) -> str:
        """One as it is written. Raises InterfaceError."""
        option = _option(name)
        value = getattr(self, option.attribute)
        return next((word for word, meant in option.words.items() if meant == value), str(value))


@dataclass(frozen=True, slots=True)
class Option:
    """A setting by the name that people give it: its attribute, and the words it takes (none: any text)."""

    attribute: str
    words: Mapping[str, str | bool]


_SWITCH = {"on": True, "off": False}

OPTIONS = {
    "format": Option("format", {name: name for name in FORMATS}),
    "null": Option("null", {}),
    "pager": Option("pager", _SWITCH),
    "times": Option("raw_times", {"readable": False, "raw": True}),
    "expanded": Option("expanded", {**_SWITCH, "auto": "auto"}),
    "header": Option("header", _SWITCH),
    "timing": Option("timing", _SWITCH),
    "confirm": Option("confirm", _SWITCH),
    "vi": Option("vi", _SWITCH),
}
r"""What `\pset` and the `[shell]` table of config.toml may set."""


def _option(name: str) -> Option:
    found = OPTIONS.get(name)
    if found is not None:
        return found
    near = nearest(name, OPTIONS)
    hint = f"did you mean {near}?" if near else f"there are {', '.join(OPTIONS)}"
    raise InterfaceError(f"there is no setting {name!r}", hint=hint)
