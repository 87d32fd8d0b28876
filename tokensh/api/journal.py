"""What is about to be created, on disk before the request leaves: a token whose reply is lost can then be found again.

An intent is a file of its own in the journal's folder (0700, the file 0600), synced to the disk before the request is sent
and removed when the reply has been delivered. It holds no secret. Whoever creates holds a lock on it, which ends with the
process: an intent that nobody holds is one whose outcome is not known.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

from tokensh._dataclasses import dataclass, field, fields, replace
from tokensh.environment import Environment, make_private_folder, open_private
from tokensh.errors import OperationalError

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Intent:
    """A create that is about to be sent: `time` in ms since the epoch, `workspace` as the statement calls it, `host` its place.

    `look` is a query for what it may have made. `orphans` pairs the ids of tokens that it made, or may have, with the
    statements that revoke them.
    """

    time: int
    workspace: str
    resource: str
    comment: str | None
    lifetime_seconds: int | None
    look: str = ""
    host: str = ""
    orphans: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """An intent that is on the disk; `lock` is the descriptor that holds it, None where this process does not."""

    path: Path
    intent: Intent
    lock: int | None = field(default=None, compare=False)

    @property
    def id(self) -> str:
        """What tells it from the others."""
        return self.path.stem

    def remove(self) -> None:
        """Take it off the disk: its outcome is known and delivered."""
        with suppress(OSError):  # a leftover only makes the next start look once more
            self.path.unlink()
        self._release()

    def keep_for_recovery(self, orphans: tuple[tuple[str, str], ...] = ()) -> None:
        """Leave it on the disk, with what it made as far as that is known: somebody has to look."""
        if orphans != self.intent.orphans:
            with suppress(OSError):  # what is there already says less, but says that somebody has to look
                _replace(self.path, orphans)
        self._release()

    def _release(self) -> None:
        if self.lock is not None:
            with suppress(OSError):
                os.close(self.lock)


class Journal:
    """The folder of intents, of this name in the state folder; `redact` takes secrets out of what is written there."""

    def __init__(self, environment: Environment, redact: Callable[[str], str] = str, name: str = "journal") -> None:
        self._redact = redact
        self.folder = environment.state_folder / name

    def begin(self, intent: Intent) -> Entry:
        """Write an intent and sync it. Raises OperationalError where that cannot be: nothing may be created then."""
        path = self.folder / f"{intent.time}-{os.getpid()}-{next(_numbers)}.json"
        try:
            make_private_folder(self.folder)
            lock = _write(path, _bytes(self._clean(intent)), keep=True)
        except OSError as error:
            raise OperationalError(
                f"the journal of creates cannot be written: {path}: {error.strerror}",
                hint="without it a token whose reply is lost could not be found again; nothing was sent",
            ) from None
        return Entry(path, intent, lock)

    def _clean(self, intent: Intent) -> Intent:
        comment = None if intent.comment is None else self._redact(intent.comment)
        return replace(intent, comment=comment, look=self._redact(intent.look))

    def clear(self) -> None:
        """Take the intents whose outcome is unknown off the disk."""
        for entry in self.leftover_intents():
            entry.remove()

    def leftover_intents(self) -> Iterator[Entry]:
        """The intents whose outcome nobody has seen, oldest first; files that cannot be read are passed over."""
        for path in sorted(self.folder.glob("*.json")):
            with suppress(OSError, ValueError, TypeError):
                found = _read(path)
                if found is not None:
                    yield Entry(path, found)


def _bytes(intent: Intent) -> bytes:
    return json.dumps({one.name: getattr(intent, one.name) for one in fields(intent)}).encode()


def _read(path: Path) -> Intent | None:
    """The intent of a file; None: a create that is under way holds it. Raises OSError, ValueError, TypeError."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        found = Intent(**json.load(file))
    return replace(found, orphans=tuple((token_id, statement) for token_id, statement in found.orphans))


def _write(path: Path, content: bytes, *, keep: bool = False) -> int | None:
    """Write a new file and sync it; with `keep`, the descriptor that holds its lock. Raises OSError, leaving no file."""
    descriptor = open_private(path, os.O_WRONLY | os.O_EXCL)
    try:
        if keep:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        while content:
            content = content[os.write(descriptor, content) :]
        os.fsync(descriptor)
        _sync(path.parent)  # the name too, not only the content
    except BaseException:
        os.close(descriptor)
        with suppress(OSError):
            path.unlink()
        raise
    if keep:
        return descriptor
    os.close(descriptor)
    return None


def _replace(path: Path, orphans: tuple[tuple[str, str], ...]) -> None:
    """Give the file its orphans; whoever reads it meanwhile finds the old one or the new one whole. Raises OSError."""
    content = {**json.loads(path.read_bytes()), "orphans": orphans}
    new = path.with_suffix(".new")
    _write(new, json.dumps(content).encode())
    new.replace(path)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
