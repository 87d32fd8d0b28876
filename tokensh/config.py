"""Read config.toml, the user's settings for all sessions. The file is optional and never written."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from tokensh._dataclasses import dataclass, field
from tokensh.environment import Environment
from tokensh.errors import InterfaceError
from tokensh.text import did_you_mean

SHELL_SETTINGS: dict[str, type] = {
    "format": str,
    "null": str,
    "prompt": str,
    "linestyle": str,
    "border": str,
    "theme": str,
    "pager": bool,
    "times": str,
    "expanded": str,
    "header": bool,
    "timing": bool,
    "confirm": bool,
    "vi": bool,
}
"""The types of the shell's settings, by their names in `\\pset`."""


@dataclass(frozen=True, slots=True)
class Config:
    """The contents of config.toml.

    Attributes:
        hosts: an https URL or a host for each deployment_name.
        workspace: the default workspace of sessions.
        registry: a folder of provider documents, or the https address of a registry.
        shell: settings of the shell, by name.
        colours: styles by what they are of, as in `render.themes`; the shell checks them.
    """

    hosts: Mapping[str, str] = field(default_factory=dict)
    workspace: str | None = None
    registry: str | None = None
    shell: Mapping[str, Any] = field(default_factory=dict)
    colours: Mapping[str, Any] = field(default_factory=dict)


def config_path(environment: Environment) -> Path:
    """Return TOKENSH_CONFIG, relative to the current folder, or config.toml in the config folder."""
    path = environment.get("TOKENSH_CONFIG")
    return environment.expand_path(path) if path else environment.config_folder / "config.toml"


def read(environment: Environment) -> Config:
    """Return the configuration. Raises InterfaceError, which names the file and the key, for unknown keys and wrong values."""
    # The default file may be missing; one that TOKENSH_CONFIG names must exist.
    path = config_path(environment)
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        if environment.get("TOKENSH_CONFIG"):
            raise InterfaceError(f"cannot read {path}: no such file", hint="TOKENSH_CONFIG names it") from None
        return Config()
    except OSError as failure:
        raise InterfaceError(f"cannot read {path}: {failure.strerror}") from None
    settings = _parse_toml(text, path)
    # Unknown keys are refused: a mistyped setting that is ignored would be noticed too late.
    _check_keys(settings, ("hosts", "workspace", "registry", "shell", "colors"), path)
    hosts, workspace, shell = settings.get("hosts", {}), settings.get("workspace"), settings.get("shell", {})
    registry = settings.get("registry")
    if not isinstance(hosts, dict) or not all(isinstance(address, str) for address in hosts.values()):
        raise InterfaceError(
            f"{path}: invalid [hosts]; expected names with addresses",
            hint='for example prod = "https://adb-1.2.azuredatabricks.net"',
        )
    if not isinstance(workspace, str | None):
        raise InterfaceError(f"{path}: invalid workspace: {workspace!r}; expected a deployment_name in quotes")
    if not isinstance(registry, str | None):
        raise InterfaceError(f"{path}: invalid registry: {registry!r}; expected a folder or an https URL in quotes")
    if not isinstance(shell, dict):
        raise InterfaceError(f"{path}: invalid shell: {shell!r}; expected a table, [shell]")
    _check_keys(shell, SHELL_SETTINGS, path, "shell.")
    for name, value in shell.items():
        if not isinstance(value, SHELL_SETTINGS[name]):
            expected = "true or false" if SHELL_SETTINGS[name] is bool else "a text in quotes"
            raise InterfaceError(f"{path}: invalid shell.{name}: {value!r}; expected {expected}")
    colours = settings.get("colors", {})
    if not isinstance(colours, dict):
        raise InterfaceError(f"{path}: invalid colors: {colours!r}; expected a table, [colors]")
    return Config(hosts, workspace, registry, shell, colours)


def _parse_toml(text: bytes, path: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib  # noqa: PLC0415 (needed only if there is a file)
    else:
        import tomli as tomllib  # noqa: PLC0415

    try:
        return tomllib.loads(text.decode("utf-8-sig"))
    except ValueError as error:  # UnicodeDecodeError and TOMLDecodeError are ValueErrors
        raise InterfaceError(f"cannot read {path}: {error}") from None


def _check_keys(table: Mapping[str, Any], names: Collection[str], path: Path, prefix: str = "") -> None:
    for name in table:
        if name not in names:
            hint = did_you_mean(name, names) or f"the keys are {', '.join(sorted(names))}"
            raise InterfaceError(f"{path}: unknown key {prefix + name!r}", hint=hint)
