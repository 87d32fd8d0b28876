"""The registry of a connection: a folder of provider documents, or an address that REGISTRY PULL takes them from.

Only REGISTRY LIST and PULL contact an address, and only one that the user has configured.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tokensh.api.hosts import parse_origin
from tokensh.environment import Environment
from tokensh.errors import ApiError, InterfaceError, NotSupportedError
from tokensh.plan.nodes import RegistryPlan
from tokensh.provider.document import INDEX, find_provider_files, load_registry
from tokensh.rows import NO_ROWS, Column, RowSet

if TYPE_CHECKING:
    from tokensh.provider.registry import Release

_NO_REGISTRY = 'registry = "https://HOST/PATH", or a folder, in config.toml, or --registry'


class Registry:
    """What `registry` names. Raises InterfaceError if it is neither a folder with documents or an index, nor a plain https URL.

    `fetch` returns the content of a URL.
    """

    def __init__(self, place: Path | str | None, environment: Environment, fetch: Callable[[str], bytes]) -> None:
        self._environment = environment
        self._fetch = fetch
        self._url = str(place).rstrip("/") if place is not None and _is_url(str(place)) else ""
        self._folder = environment.expand_path(str(place)) if place is not None and not self._url else None
        if self._url and parse_origin(self._url) is None:
            raise InterfaceError(f"invalid registry: {self._url!r} is not a plain https URL (or http on loopback)")
        # A wrong folder is reported at once, not by the first statement that needs it, which may never come.
        if self._folder is not None and not self._has_index:
            find_provider_files(self._folder)

    @property
    def documents(self) -> Path | None:
        """The folder to read providers from: the registry itself, or that of the installed ones; None without any."""
        if self._folder is not None and not self._has_index:
            return self._folder
        return self._install_folder if (self._install_folder / "src").is_dir() else None

    @property
    def _has_index(self) -> bool:
        if self._folder is None or not (self._folder / INDEX).is_file():
            return False
        # A clone of a registry has both: its documents are read where they are.
        return not (self._folder / "src").is_dir()

    @property
    def _install_folder(self) -> Path:
        place = self._url.partition("://")[2] or str((self._folder or Path()).absolute())
        return self._environment.data_folder / "registry" / re.sub(r"[^A-Za-z0-9.-]+", "_", place).strip("_.")

    def run(self, plan: RegistryPlan, note: Callable[[str], None]) -> RowSet:
        """Run REGISTRY LIST or PULL. Raises Error."""
        releases = self._read_releases()
        if plan.verb == "LIST":
            return self._list_releases(plan, releases)
        release = self._pull(plan, releases)
        # The words of StackQL, which scripts look for.
        note(f"{release.provider} provider, version '{release.version}' successfully installed")
        return NO_ROWS

    def _list_releases(self, plan: RegistryPlan, releases: Sequence[Release]) -> RowSet:
        """Return the newest version of each provider, or all versions of one."""
        if plan.provider is None:
            newest = {release.provider: release.version for release in releases}
            return RowSet((Column("provider", "string"), Column("version", "string")), iter(newest.items()))
        from tokensh.provider.registry import find_release  # noqa: PLC0415 (only REGISTRY needs it)

        name = find_release(releases, plan.provider, None).provider
        versions = ", ".join(release.version for release in releases if release.provider == name)
        return RowSet((Column("provider", "string"), Column("versions", "string")), iter([(name, versions)]))

    def _pull(self, plan: RegistryPlan, releases: Sequence[Release]) -> Release:
        """Install a provider's documents in the data folder, verified by the digest of the registry. Raises Error."""
        from tokensh.provider import registry  # noqa: PLC0415 (as above)

        release = registry.find_release(releases, plan.provider or "", plan.version)
        if self.documents is not None and self.documents == self._folder:
            return release
        archive = self._read(release.archive)
        if archive is None:
            raise InterfaceError(f"the registry has no {release.archive}")
        listed = b"" if release.sha256 else self._read(f"{release.archive}.sha256") or b""
        registry.check_digest(archive, release, listed.decode("ascii", "replace"))
        registry.install(archive, release, self._install_folder)
        return release

    def _read_releases(self) -> tuple[Release, ...]:
        from tokensh.provider.registry import Release, read_index  # noqa: PLC0415 (as above)

        if self._url and self._environment.is_sandboxed:
            raise NotSupportedError("the sandbox contacts no registry", hint="name a folder: --registry DIR")
        if self._folder is not None and not self._has_index:
            infos = (provider.info for provider in load_registry(self._folder))
            return tuple(Release(info.name, info.version) for info in infos)
        if not self._url and self._folder is None:
            raise NotSupportedError("no registry is configured, and none is contacted unasked", hint=_NO_REGISTRY)
        content = self._read(INDEX)
        if content is None:
            raise InterfaceError(f"no {INDEX} at the registry {self._url}")
        return read_index(content, INDEX)

    def _read(self, path: str) -> bytes | None:
        """Return the content of a file of the registry, None if it is missing. Raises Error."""
        if self._folder is not None:
            try:
                return (self._folder / path).read_bytes()
            except FileNotFoundError:
                return None
            except OSError as failure:
                raise InterfaceError(f"cannot read {self._folder / path}: {failure.strerror}") from None
        try:
            return self._fetch(f"{self._url}/{path}")
        except ApiError as error:
            from http import HTTPStatus  # noqa: PLC0415 (most connections have no registry)

            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise


def _is_url(text: str) -> bool:
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text) is not None
