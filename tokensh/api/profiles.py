"""The profiles of ~/.databrickscfg, as Databricks' own tools read them (token-api.md section 2.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

from tokensh._dataclasses import dataclass
from tokensh.api.hosts import parse_origin
from tokensh.environment import Environment, is_exposed
from tokensh.errors import CredentialError

_SETTINGS = "__settings__"


@dataclass(frozen=True, slots=True)
class Profile:
    """One section: `origin` is the workspace it is for, normalised; empty where it names none."""

    name: str
    origin: str
    settings: Mapping[str, str]
    exposed: bool = False
    """Whether others than its owner may read its file."""

    def get(self, key: str) -> str:
        """A setting's text, empty where it is not set."""
        return self.settings.get(key, "").strip()


def normalize_host(host: str) -> str:
    """A host as people write it (without scheme, with a trailing slash or `?o=..`) as `https://host`; empty if it is none."""
    plain = host.strip().partition("?")[0].rstrip("/")
    target = parse_origin(plain if "://" in plain else f"https://{plain}")
    return target.origin if target else ""


def config_file(environment: Environment) -> Path:
    """DATABRICKS_CONFIG_FILE, or ~/.databrickscfg."""
    given = environment.get("DATABRICKS_CONFIG_FILE")
    return environment.home / given.removeprefix("~/") if given else environment.home / ".databrickscfg"


ByOrigin: TypeAlias = "Mapping[str, tuple[Profile, ...]]"

_read: dict[Path, tuple[tuple[int, ...], tuple[Profile, ...], ByOrigin]] = {}
"""By file, how it looked, and what it held then: hundreds of workspaces ask for the same profiles."""


def read(environment: Environment) -> tuple[Profile, ...]:
    """All profiles of the file, the default one first; none where there is no file.

    Raises CredentialError where the file is there and cannot be read.
    """
    return _held(environment)[0]


def for_origin(environment: Environment, origin: str) -> tuple[Profile, ...]:
    """Those of one address, in the order of the file. Raises CredentialError as `read` does."""
    return _held(environment)[1].get(origin, ())


def _held(environment: Environment) -> tuple[tuple[Profile, ...], ByOrigin]:
    path = config_file(environment)
    try:
        found = path.stat()
        looks = (found.st_mtime_ns, found.st_size, found.st_mode, found.st_ino)
        if path not in _read or _read[path][0] != looks:
            with path.open(encoding="utf-8-sig") as file:
                known = _parsed(file, exposed=is_exposed(path))
            _read[path] = looks, known, _by_origin(known)
    except FileNotFoundError:
        return (), {}
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise CredentialError(f"{path} cannot be read: {reason}", looked_at=(str(path),)) from None
    return _read[path][1:]


def _by_origin(known: Iterable[Profile]) -> ByOrigin:
    made: dict[str, tuple[Profile, ...]] = {}
    for one in known:
        made[one.origin] = (*made.get(one.origin, ()), one)
    return made


def _parsed(lines: Iterable[str], *, exposed: bool) -> tuple[Profile, ...]:
    """Raises ValueError that says what kind of mistake there is, and none of the file's text."""
    import configparser  # noqa: PLC0415 (most people have a file or a variable, not both)

    # No section is merged into the others, and a % in a value is a %.
    parser = configparser.ConfigParser(default_section="\0none", interpolation=None)
    try:
        parser.read_file(lines)
    except (UnicodeDecodeError, configparser.Error) as error:
        raise ValueError(type(error).__name__) from None
    default = parser.get(_SETTINGS, "default_profile", fallback="DEFAULT")
    names = sorted((name for name in parser.sections() if name != _SETTINGS), key=lambda name: name != default)
    return tuple(_profile(name, dict(parser.items(name)), exposed) for name in names)


def _profile(name: str, settings: Mapping[str, str], exposed: bool) -> Profile:
    return Profile(name, normalize_host(settings.get("host", "")) if settings.get("host") else "", settings, exposed)
