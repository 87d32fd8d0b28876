"""The index and the archives of a registry of provider documents, as StackQL lays them out. Pure but for the folder it writes.

ADDRESS/dist/providers.yaml lists the versions of each provider, and ADDRESS/dist/PROVIDER/VERSION.tgz holds the documents of
one. The SHA-256 of an archive is `sha256` of its version in the index, or the first word of VERSION.tgz.sha256.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from tokensh._dataclasses import dataclass
from tokensh.environment import make_private_folder, open_private
from tokensh.errors import InterfaceError, UnknownName
from tokensh.provider.document import INDEX, SUFFIXES, parse_yaml_text, version_key
from tokensh.provider.values import as_list, as_mapping
from tokensh.text import nearest

if TYPE_CHECKING:
    import tarfile

_NAME = r"(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}"
_SHA256 = r"[0-9a-fA-F]{64}"
_MOST_UNPACKED = 1 << 30
"""Bytes of an unpacked archive: all documents of AWS, the largest provider, are 75 MB."""


@dataclass(frozen=True, slots=True)
class Release:
    """A version of a provider; `sha256` is its archive's digest in the index, empty where the index has none."""

    provider: str
    version: str
    sha256: str = ""

    @property
    def archive(self) -> str:
        """Where its archive is, below the registry's address."""
        return f"dist/{self.provider}/{self.version}.tgz"


def read_index(content: bytes, name: str) -> tuple[Release, ...]:
    """Return the releases that an index lists, the newest of each provider last. Raises InterfaceError."""
    root = as_mapping(parse_yaml_text(content, name))
    releases = [
        _read_release(str(provider), entry)
        for provider, node in as_mapping(root.get("providers")).items()
        for entry in as_list(as_mapping(node).get("versions"))
    ]
    if not releases:
        raise InterfaceError(f"{name}: no providers with versions")
    for release in releases:
        if not re.fullmatch(_NAME, release.provider) or not re.fullmatch(_NAME, release.version):
            raise InterfaceError(f"{name}: invalid provider or version: {release.provider!r}, {release.version!r}")
    return tuple(sorted(releases, key=lambda release: (release.provider, version_key(release.version))))


def _read_release(provider: str, entry: object) -> Release:
    node = as_mapping(entry)
    return Release(provider, str(node.get("version", entry)), str(node.get("sha256", "")))


def find_release(releases: Sequence[Release], provider: str, version: str | None) -> Release:
    """Return a provider's release of a version, by default its newest. Raises UnknownName."""
    own = [release for release in releases if release.provider.lower() == provider.lower()]
    if not own:
        raise UnknownName("provider", provider, near=nearest(provider, list({r.provider for r in releases})))
    if version is None:
        return own[-1]
    for release in own:
        if release.version == version:
            return release
    hint = f"its versions are {', '.join(release.version for release in own)}"
    raise UnknownName(f"version of {own[0].provider}", version, hint=hint)


def check_digest(archive: bytes, release: Release, listed: str) -> None:
    """Raise InterfaceError unless an archive has its digest: the index's, else the one that `listed`, a digest's file, begins with."""
    from hashlib import sha256  # noqa: PLC0415 (loads OpenSSL)

    expected = release.sha256 or (listed.split() or [""])[0]
    if not re.fullmatch(_SHA256, expected):
        raise InterfaceError(
            f"the registry gives no SHA-256 of {release.archive}, so that it cannot be verified",
            hint=f"`sha256` of the version in {INDEX}, or a file {release.archive}.sha256",
        )
    if sha256(archive).hexdigest() != expected.lower():
        raise InterfaceError(f"{release.archive} is not what the registry lists: its SHA-256 is another")


def install(archive: bytes, release: Release, folder: Path) -> None:
    """Unpack an archive below `folder`, in place of any other version of its provider.

    Raises InterfaceError: it is not an archive of a provider's documents, or cannot be written.
    """
    part = folder / "part"
    try:
        make_private_folder(folder)
        shutil.rmtree(part, ignore_errors=True)
        provider = _unpack(archive, release, part)
        final = folder / "src" / provider
        make_private_folder(final.parent)
        shutil.rmtree(final, ignore_errors=True)
        (part / provider).rename(final)
    except OSError as failure:
        raise InterfaceError(f"cannot keep {release.provider} in {folder}: {failure.strerror or failure}") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _unpack(archive: bytes, release: Release, part: Path) -> str:
    """Write the documents of an archive to PROVIDER/VERSION below `part`, and return the name PROVIDER."""
    documents = _read_documents(archive, release)
    roots = [path.parent for path in documents if path.stem == "provider" and path.suffix in SUFFIXES]
    if not roots:
        raise InterfaceError(f"{release.archive} holds no provider document")
    root = min(roots, key=lambda path: len(path.parts))
    # The services are named by the folders of the archive, whose provider may have another name than in SQL.
    provider, version = root.parts[-2:] if len(root.parts) > 1 else (release.provider, release.version)
    for path, content in documents.items():
        if root not in path.parents:
            continue
        place = part / provider / version / path.relative_to(root)
        make_private_folder(place.parent)
        with os.fdopen(open_private(place, os.O_WRONLY | os.O_TRUNC), "wb") as file:
            file.write(content)
    return provider


def _read_documents(archive: bytes, release: Release) -> dict[PurePosixPath, bytes]:
    import io  # noqa: PLC0415 (with tarfile, only a pull needs it)
    import tarfile  # noqa: PLC0415 (as above)
    import zlib  # noqa: PLC0415 (as above)

    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
            return dict(_iter_documents(tar, release))
    except (tarfile.TarError, EOFError, OSError, zlib.error):
        raise InterfaceError(f"{release.archive} is not a gzipped tar archive") from None


def _iter_documents(tar: tarfile.TarFile, release: Release) -> Iterator[tuple[PurePosixPath, bytes]]:
    total = 0
    for member in tar:
        total += member.size
        if total > _MOST_UNPACKED:
            raise InterfaceError(f"{release.archive} is too large: more than {_MOST_UNPACKED >> 20} MiB unpacked")
        path = PurePosixPath(member.name)
        if path.is_absolute() or ".." in path.parts:
            raise InterfaceError(f"{release.archive} holds a path that leads out of it")
        file: Any = tar.extractfile(member) if member.isreg() and path.suffix in SUFFIXES else None
        if file is not None:
            yield path, file.read()
