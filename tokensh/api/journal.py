"""What is about to be created, on disk before the request leaves: a token whose reply is lost can then be found again.

An intent is a file of its own in the journal's folder (0700, the file 0600), synced to the disk before the request is sent
and removed when the reply has been delivered. It holds no secret.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path

from tokensh.environment import Environment, make_private_folder, open_private
from tokensh.errors import OperationalError

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Intent:
    """A create that is about to be sent: `time` in ms since the epoch, `workspace` as the statement calls it."""

    time: int
    workspace: str
    resource: str
    comment: str | None
    lifetime_seconds: int | None


@dataclass(frozen=True, slots=True)
class Entry:
    """An intent that is on the disk."""

    path: Path
    intent: Intent

    def clear(self) -> None:
        """Take it off the disk: its outcome is known and delivered."""
        with suppress(OSError):  # a leftover only makes the next start look once more
            self.path.unlink()


class Journal:
    """The folder of intents."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self.folder = environment.state_folder / "journal"

    def begin(self, *, workspace: str, resource: str, comment: str | None, lifetime_seconds: int | None) -> Entry:
        """Write an intent and sync it. Raises OperationalError where that cannot be: nothing may be created then."""
        now = int(self._environment.now() * 1000)
        intent = Intent(now, workspace, resource, comment, lifetime_seconds)
        path = self.folder / f"{now}-{os.getpid()}-{next(_numbers)}.json"
        try:
            make_private_folder(self.folder)
            _write(path, json.dumps(asdict(intent)).encode())
        except OSError as error:
            raise OperationalError(
                f"the journal of creates cannot be written: {path}: {error.strerror}",
                hint="without it a token whose reply is lost could not be found again; nothing was sent",
            ) from None
        return Entry(path, intent)

    def left(self) -> Iterator[Entry]:
        """The intents whose outcome nobody has seen, oldest first; files that cannot be read are passed over."""
        for path in sorted(self.folder.glob("*.json")):
            with suppress(OSError, ValueError, TypeError):
                yield Entry(path, Intent(**json.loads(path.read_text(encoding="utf-8"))))


def _write(path: Path, content: bytes) -> None:
    descriptor = open_private(path, os.O_WRONLY | os.O_EXCL)
    try:
        os.write(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the name too, not only the content
    finally:
        os.close(folder)
