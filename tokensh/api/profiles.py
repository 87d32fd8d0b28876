"""Read the profiles of ~/.databrickscfg as Databricks' own tools do (token-api.md section 2.2)."""

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
    """One section of the file; `origin` is its workspace's normalised address, empty if it names none."""

    name: str
    origin: str
    settings: Mapping[str, str]
    exposed: bool = False
    """True if users other than the owner can read the file."""

    def get(self, key: str) -> str:
        """Return a setting's text, empty if it is not set."""
        return self.settings.get(key, "").strip()


def normalize_host(host: str) -> str:
    """Return a host as users write it (without scheme, with a slash or `?o=...` at its end) as `https://host`, else ""."""
    plain = host.strip().partition("?")[0].rstrip("/")
    target = parse_origin(plain if "://" in plain else f"https://{plain}")
    return target.origin if target else ""


def config_file(environment: Environment) -> Path:
    """Return the path of DATABRICKS_CONFIG_FILE, or of ~/.databrickscfg."""
    return environment.expand_path(environment.get("DATABRICKS_CONFIG_FILE") or "~/.databrickscfg")


ByOrigin: TypeAlias = "Mapping[str, tuple[Profile, ...]]"

# The profiles of each file, with its stat when they were read: hundreds of workspaces ask for the same ones.
_cache: dict[Path, tuple[tuple[int, ...], tuple[Profile, ...], ByOrigin]] = {}


def read(environment: Environment) -> tuple[Profile, ...]:
    """Return the profiles of the file, the default one first; empty if the file does not exist.

    Raises CredentialError if the file exists and cannot be read.
    """
    return _load_profiles(environment)[0]


def for_origin(environment: Environment, origin: str) -> tuple[Profile, ...]:
    """Return the profiles of one address, in the order of the file. Raises CredentialError as `read` does."""
    return _load_profiles(environment)[1].get(origin, ())


def _load_profiles(environment: Environment) -> tuple[tuple[Profile, ...], ByOrigin]:
    path = config_file(environment)
    try:
        status = path.stat()
        # The inode too: editors and the Databricks CLI replace the file, possibly within one clock tick.
        version = (status.st_mtime_ns, status.st_size, status.st_mode, status.st_ino)
        if path not in _cache or _cache[path][0] != version:
            with path.open(encoding="utf-8-sig") as file:
                profiles = _parse_profiles(file, exposed=is_exposed(path))
            _cache[path] = version, profiles, _group_by_origin(profiles)
    except FileNotFoundError:
        return (), {}
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise CredentialError(f"{path} cannot be read: {reason}", looked_at=(str(path),)) from None
    return _cache[path][1:]


def _group_by_origin(profiles: Iterable[Profile]) -> ByOrigin:
    groups: dict[str, tuple[Profile, ...]] = {}
    for profile in profiles:
        groups[profile.origin] = (*groups.get(profile.origin, ()), profile)
    return groups


def _parse_profiles(lines: Iterable[str], *, exposed: bool) -> tuple[Profile, ...]:
    """Parse the file. Raises ValueError that names the kind of mistake and quotes nothing: the text may be a secret."""
    import configparser  # noqa: PLC0415 (most users have a file or a variable, not both)

    # Databricks' tools do not merge DEFAULT into the other sections, and a % in a value is a %.
    parser = configparser.ConfigParser(default_section="\0none", interpolation=None)
    try:
        parser.read_file(lines)
    except (UnicodeDecodeError, configparser.Error) as error:
        raise ValueError(type(error).__name__) from None
    default = parser.get(_SETTINGS, "default_profile", fallback="DEFAULT")
    names = sorted((name for name in parser.sections() if name != _SETTINGS), key=lambda name: name != default)
    sections = ((name, dict(parser.items(name))) for name in names)
    return tuple(
        Profile(name, normalize_host(host) if (host := settings.get("host")) else "", settings, exposed)
        for name, settings in sections
    )
