"""Parsed YAML documents, kept in the user's cache folder as JSON by the digest of their text.

PyYAML reads a megabyte in about 0.3 s with libyaml, json in 0.01 s. As for the compiled grammar, a folder in which others could
have put something is not used: another document would be another address for a credential.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from tokensh._dataclasses import dataclass
from tokensh.environment import check_private_folder, make_private_folder, open_private

# Part of the digest: raise it when documents are parsed in another way, so that they are parsed again.
FORMAT = 1
_MOST_KEPT = 400
"""Documents that are kept: a registry of the largest providers has as many services."""


@dataclass(frozen=True, slots=True)
class DocumentCache:
    """The folder of the parsed documents."""

    folder: Path

    def read(self, content: bytes) -> object | None:
        """Return a document that was parsed before, None if it was not."""
        path = self._path_of(content)
        try:
            check_private_folder(self.folder)
            return json.loads(path.read_bytes())  # type: ignore[no-any-return]
        except (OSError, ValueError, RecursionError):
            return None

    def write(self, content: bytes, document: object) -> None:
        """Keep a parsed document, if JSON can hold it as it is: keys that are numbers would become texts."""
        # A cache that cannot be written costs time at the next start, nothing else.
        with contextlib.suppress(OSError, ValueError, TypeError, RecursionError):
            text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
            if json.loads(text) != document:
                return
            make_private_folder(self.folder)
            self._remove_oldest()
            path = self._path_of(content)
            part = path.with_suffix(f".{os.getpid()}")
            with os.fdopen(open_private(part, os.O_WRONLY | os.O_TRUNC), "w", encoding="utf-8") as file:
                file.write(text)
            part.replace(path)

    def _path_of(self, content: bytes) -> Path:
        from hashlib import sha256  # noqa: PLC0415 (loads OpenSSL)

        return self.folder / f"{sha256(b'%d:' % FORMAT + content).hexdigest()[:40]}.json"

    def _remove_oldest(self) -> None:
        kept = [*self.folder.iterdir()]
        if len(kept) < _MOST_KEPT:
            return
        for path in sorted(kept, key=lambda path: path.stat().st_mtime)[: _MOST_KEPT // 4]:
            path.unlink(missing_ok=True)
