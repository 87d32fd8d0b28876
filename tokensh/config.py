"""config.toml: what a person has set for all sessions. It is read if it is there, and never written."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tokensh._dataclasses import dataclass, field
from tokensh.environment import Environment
from tokensh.errors import InterfaceError
from tokensh.text import nearest

SHELL_SETTINGS: dict[str, type] = {
    "format": str,
    "null": str,
    "pager": bool,
    "times": str,
    "expanded": str,
    "header": bool,
    "timing": bool,
    "confirm": bool,
    "vi": bool,
}
"""The shell's settings, by the names that `\\pset` gives them."""


@dataclass(frozen=True, slots=True)
class Config:
    """What config.toml says.

    `hosts` maps a deployment_name to an https URL or a host, `workspace` is the session's default, `shell` holds settings of
    the shell by name.
    """

    hosts: Mapping[str, str] = field(default_factory=dict)
    workspace: str | None = None
    shell: Mapping[str, Any] = field(default_factory=dict)


def config_path(environment: Environment) -> Path:
    """TOKENSH_CONFIG, or config.toml in the config folder."""
    given = environment.get("TOKENSH_CONFIG")
    return environment.home / given.removeprefix("~/") if given else environment.config_folder / "config.toml"


def read(environment: Environment) -> Config:
    """Read it. Raises InterfaceError, naming the file and the key, where it cannot be read or says what nobody knows."""
    path = config_path(environment)
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        if environment.get("TOKENSH_CONFIG"):
            raise InterfaceError(f"{path}, which TOKENSH_CONFIG names, is not there") from None
        return Config()
    except OSError as failure:
        raise InterfaceError(f"{path} cannot be read: {failure.strerror}") from None
    found = _parsed(text, path)
    _known(found, {"hosts", "workspace", "shell"}, path, "")
    hosts, workspace, shell = found.get("hosts", {}), found.get("workspace"), found.get("shell", {})
    if not isinstance(hosts, dict) or not all(isinstance(one, str) for one in hosts.values()):
        raise InterfaceError(
            f'{path}: [hosts] maps names to addresses, such as prod = "https://adb-1.2.azuredatabricks.net"'
        )
    if not isinstance(workspace, str | None):
        raise InterfaceError(f"{path}: workspace is a deployment_name in quotes")
    if not isinstance(shell, dict):
        raise InterfaceError(f"{path}: [shell] is a table of settings")
    _known(shell, set(SHELL_SETTINGS), path, "shell.")
    for name, value in shell.items():
        if not isinstance(value, SHELL_SETTINGS[name]):
            raise InterfaceError(f"{path}: shell.{name} is {value!r}, and should be a {SHELL_SETTINGS[name].__name__}")
    return Config(hosts, workspace, shell)


def _parsed(text: bytes, path: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib  # noqa: PLC0415 (only where there is a file)
    else:
        import tomli as tomllib  # noqa: PLC0415

    try:
        return tomllib.loads(text.decode())
    except ValueError as error:  # UnicodeDecodeError and TOMLDecodeError are ValueErrors
        raise InterfaceError(f"{path} cannot be read: {error}") from None


def _known(found: Mapping[str, Any], names: set[str], path: Path, before: str) -> None:
    for name in found:
        if name not in names:
            near = nearest(name, names)
            hint = f"did you mean {near!r}?" if near else f"there are {', '.join(sorted(names))}"
            raise InterfaceError(f"{path}: unknown key {before}{name}", hint=hint)
