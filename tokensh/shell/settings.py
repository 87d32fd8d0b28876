"""What a person may change while the shell runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from tokensh.errors import InterfaceError
from tokensh.records import dataclass
from tokensh.render import RENDERERS

Switch = bool | Literal["auto"]
_SWITCHES: dict[str, Switch] = {"on": True, "off": False, "auto": "auto"}


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

    def take(self, given: Mapping[str, Any]) -> None:
        """Settings of config.toml. Raises InterfaceError for a value that is none."""
        for name, value in given.items():
            if name == "expanded":
                if value not in _SWITCHES:
                    raise InterfaceError(f"shell.expanded in config.toml is {value!r}, and should be on, off or auto")
                self.expanded = _SWITCHES[value]
            elif name == "format" and value not in RENDERERS:
                raise InterfaceError(f"shell.format in config.toml is {value!r}: no output format")
            else:
                setattr(self, name, value)
