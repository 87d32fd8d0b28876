"""Read the profiles of ~/.databrickscfg as Databricks' own tools do (token-api.md section 2.2).

What is wrong in one profile is kept as its `problem` and raised when that profile is used: it must not take the others away.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeAlias
from urllib.parse import parse_qs

from tokensh._dataclasses import dataclass
from tokensh.api.hosts import parse_origin
from tokensh.environment import Environment, is_exposed
from tokensh.errors import CredentialError
from tokensh.text import escape_unsafe, nearest, truncate

# The most profiles that a message names.
_MAX_NAMED = 5
_SETTINGS = "__settings__"
_DEFAULT_PROFILE = "default_profile"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
# Longer than any id: what follows goes into a header.
_WORKSPACE_ID = r"[0-9]{1,20}"


@dataclass(frozen=True, slots=True)
class Profile:
    """One section of the file.

    Attributes:
        origin: its workspace's normalised address, empty if it names none that can be used.
        exposed: True if users other than the owner can read the file.
        line: the number of its first line.
        problem: what is wrong with a line of it, empty if all can be read.
    """

    name: str
    origin: str
    settings: Mapping[str, str]
    exposed: bool = False
    line: int = 0
    problem: str = ""

    def get(self, key: str) -> str:
        """Return a setting's text, empty if it is not set."""
        return self.settings.get(key, "").strip()

    @property
    def workspace_id(self) -> str:
        """The id of its workspace on a host of several, from `workspace_id` or the host's `?o=`; empty if it has none."""
        return read_workspace_id(self.get("workspace_id"), self.get("host"))

    def describe_host(self) -> str:
        """Return why its host leads to no workspace, empty if it does."""
        if self.problem:
            return self.problem
        return "" if self.origin else describe_host_problem(self.get("host"))


def read_workspace_id(given: str, host: str) -> str:
    """Return the id of a workspace: as it is given, else from the `?o=` of a host; empty for anything but digits."""
    query = host.partition("#")[0].partition("?")[2]
    text = given.strip() or next(iter(parse_qs(query).get("o", ())), "")
    return text if re.fullmatch(_WORKSPACE_ID, text) else ""


def normalize_host(host: str) -> str:
    """Return a host as users write it (without scheme, with a path, `?o=...` or `#...` at its end) as `https://host`, else ""."""
    plain = host.strip().partition("#")[0].partition("?")[0].rstrip("/")
    scheme, separator, rest = plain.partition("://")
    target = parse_origin(f"{scheme.lower()}://{rest}" if separator else f"https://{plain}")
    return target.origin if target else ""


def describe_host_problem(host: str) -> str:
    """Return what is wrong with a host that cannot be used; without `user:password@`, which may be in it."""
    if not host:
        return "it has no host"
    shown = truncate(escape_unsafe(host.rpartition("@")[2]), 80)
    if host[0] in "\"'":
        return f"the quotes around its host {shown} are a part of it: leave them out"
    if host.lower().startswith("http://"):
        return f"its host {shown} is not https"
    return f"its host {shown} is not a plain https address, such as https://dbc-abcd0123-a1bc.cloud.databricks.com"


def config_file(environment: Environment) -> Path:
    """Return the path of DATABRICKS_CONFIG_FILE, relative to the current folder, or of ~/.databrickscfg."""
    path = environment.get("DATABRICKS_CONFIG_FILE")
    return environment.expand_path(path) if path else environment.home / ".databrickscfg"


ByOrigin: TypeAlias = "Mapping[str, tuple[Profile, ...]]"
_Profiles: TypeAlias = "tuple[tuple[Profile, ...], ByOrigin, str]"

# The profiles of each file, with its stat when they were read: hundreds of workspaces ask for the same ones.
_cache: dict[Path, tuple[tuple[int, ...], _Profiles]] = {}


def read(environment: Environment) -> tuple[Profile, ...]:
    """Return the profiles of the file, the default one first; empty if the file does not exist.

    Raises CredentialError if the file exists and cannot be read.
    """
    return _load_profiles(environment)[0]


def find_selected(environment: Environment, name: str | None) -> Profile | None:
    """Return the profile `name`, None for no name. Raises CredentialError if the file has none of that name."""
    if name is None:
        return None
    existing = read(environment)
    selected = next((profile for profile in existing if profile.name == name), None)
    if selected is not None:
        return selected
    path, near = config_file(environment), nearest(name, [profile.name for profile in existing])
    hint = f"did you mean {near!r}?" if near else describe_file(environment)
    raise CredentialError(f"{path} has no profile {name!r}", looked_at=(str(path),), hint=hint)


def for_origin(environment: Environment, origin: str) -> tuple[Profile, ...]:
    """Return the profiles of one address, in the order of the file. Raises CredentialError as `read` does."""
    return _load_profiles(environment)[1].get(origin, ())


def default_profile(environment: Environment) -> Profile | None:
    """Return the profile that Databricks' tools use if nothing else is named. Raises CredentialError as `read` does."""
    known, _, name = _load_profiles(environment)
    return next((profile for profile in known if profile.name == name), None)


def _load_profiles(environment: Environment) -> _Profiles:
    path = config_file(environment)
    try:
        status = path.stat()
        # The inode too: editors and the Databricks CLI replace the file, possibly within one clock tick.
        version = (status.st_mtime_ns, status.st_size, status.st_mode, status.st_ino)
        if path not in _cache or _cache[path][0] != version:
            _cache[path] = version, _parse_profiles(path.read_bytes(), exposed=is_exposed(path))
    except FileNotFoundError:
        return (), {}, "DEFAULT"
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise CredentialError(f"{path} cannot be read: {reason}", looked_at=(str(path),)) from None
    return _cache[path][1]


def _group_by_origin(profiles: Iterable[Profile]) -> ByOrigin:
    groups: dict[str, tuple[Profile, ...]] = {}
    for profile in profiles:
        groups[profile.origin] = (*groups.get(profile.origin, ()), profile)
    return groups


def _parse_profiles(content: bytes, *, exposed: bool) -> _Profiles:
    """Parse the file. Raises ValueError if it is not text in UTF-8."""
    from tokensh.api import ini  # noqa: PLC0415 (most users have a file or a variable, not both)

    if content.startswith(_UTF_16) or b"\0" in content:
        raise ValueError("it is in UTF-16, as PowerShell's > writes files; save it in UTF-8")
    sections = ini.parse(content.decode("utf-8", "surrogateescape"))
    settings = next((section.settings for section in sections if section.name == _SETTINGS), {})
    default = settings.get(_DEFAULT_PROFILE, "").strip() or ini.DEFAULT
    # Databricks' tools do not merge DEFAULT into the other sections, and a % in a value is a %.
    found = sorted((s for s in sections if s.name != _SETTINGS), key=lambda section: section.name != default)
    profiles = tuple(
        Profile(s.name, normalize_host(s.settings.get("host", "")), s.settings, exposed, s.line, s.problem)
        for s in found
    )
    return profiles, _group_by_origin(profiles), default


def describe_file(environment: Environment) -> str:
    """Return what the file has to offer, for a message; no value of it but hosts."""
    path = config_file(environment)
    try:
        known = read(environment)
    except CredentialError as error:
        return error.message
    if not known:
        return f"{path} is empty or does not exist"
    names = (
        f"{profile.name} ({profile.describe_host() or profile.origin.partition('://')[2]})"
        for profile in known[:_MAX_NAMED]
    )
    more = f" and {len(known) - _MAX_NAMED} more" if len(known) > _MAX_NAMED else ""
    return f"{path} has {', '.join(names)}{more}"
