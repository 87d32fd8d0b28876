"""Keep a record of each create on disk until it is delivered, so that a token whose response is lost can be found again.

Why: a token's value is in one response and nowhere else. If the process or the network dies between the POST and the moment
the user has the value, an unusable token exists and is never revoked. The record is written and synced
*before* the request is sent (a write-ahead log of one entry), and removed when the value is delivered. The next session
finds what is left, `tokensh.local.pending` lists it, and a statement in it finds or revokes the token.

Each create is a file of its own (0600, in a folder 0700): no file is shared, so that sessions need no common lock and a
crash cannot damage another's record. The process holds `flock` on its files; the kernel drops the lock when the process
ends, however it ends, so that a file without a lock is one whose outcome is unknown. A process id in the file would not do:
ids are reused. A file holds no secret. Field names of `Intent` are the file's format: do not rename them.
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

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tokensh.errors import OrphanedToken

# Makes file names unique within the process; time and process id do so among processes.
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Intent:
    """A create that is about to be sent.

    `time` is in ms since the epoch; `workspace` is the name in the statement and `host` its address; `look` is a query for the
    token that may exist; `orphans` pairs the ids of tokens that were or may have been created with statements that revoke them.
    """

    time: int
    workspace: str
    resource: str
    comment: str | None
    lifetime_seconds: int | None
    look: str = ""
    host: str = ""
    orphans: tuple[OrphanedToken, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """An intent on disk; `lock` is the descriptor that holds its lock, None if this process does not."""

    path: Path
    intent: Intent
    lock: int | None = field(default=None, compare=False)

    @property
    def id(self) -> str:
        """The name of the file without its suffix, unique in the journal."""
        return self.path.stem

    def remove(self) -> None:
        """Remove the entry from disk: its outcome is known and delivered."""
        with suppress(OSError):  # a file that stays is only reported once more
            self.path.unlink()
        self._release_lock()

    def keep_for_recovery(self, orphans: tuple[OrphanedToken, ...] = ()) -> None:
        """Keep the entry on disk for manual recovery, with any token ids already known."""
        if orphans != self.intent.orphans:
            with suppress(OSError):  # the entry without ids is still reported
                _replace_orphans(self.path, orphans)
        self._release_lock()

    def _release_lock(self) -> None:
        if self.lock is not None:
            with suppress(OSError):
                os.close(self.lock)


class Journal:
    """The folder of intents, `name` in the state folder; `redact` removes secrets from the texts that are written there."""

    def __init__(self, environment: Environment, redact: Callable[[str], str] = str, name: str = "journal") -> None:
        self._redact = redact
        self.folder = environment.state_folder / name

    def begin(self, intent: Intent) -> Entry:
        """Write an intent and sync it. Raises OperationalError if that fails: the create must not be sent then."""
        # The time comes first, so that sorting by name sorts by time.
        path = self.folder / f"{intent.time}-{os.getpid()}-{next(_numbers)}.json"
        try:
            make_private_folder(self.folder)
            lock = _write_file(path, _encode_intent(self._redact_intent(intent)), keep_lock=True)
        except OSError as error:
            raise OperationalError(
                f"cannot write the journal of creates: {path}: {error.strerror}",
                hint="without it, a token whose reply is lost could not be found again; nothing was sent",
            ) from None
        return Entry(path, intent, lock)

    def _redact_intent(self, intent: Intent) -> Intent:
        comment = None if intent.comment is None else self._redact(intent.comment)
        return replace(intent, comment=comment, look=self._redact(intent.look))

    def clear(self) -> None:
        """Take the intents whose outcome is unknown off the disk."""
        for entry in self.leftover_intents():
            entry.remove()

    def leftover_intents(self) -> Iterator[Entry]:
        """Yield the intents that no running session holds, oldest first; unreadable files are skipped."""
        for path in sorted(self.folder.glob("*.json")):
            with suppress(OSError, ValueError, TypeError):
                intent = _read_intent(path)
                if intent is not None:
                    yield Entry(path, intent)


def _encode_intent(intent: Intent) -> bytes:
    return json.dumps({each.name: getattr(intent, each.name) for each in fields(intent)}).encode()


def _read_intent(path: Path) -> Intent | None:
    """Read the intent of a file, None if a running create holds its lock. Raises OSError, ValueError, TypeError."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        intent = Intent(**json.load(file))
    return replace(intent, orphans=tuple((token_id, statement) for token_id, statement in intent.orphans))


def _write_file(path: Path, content: bytes, *, keep_lock: bool = False) -> int | None:
    """Write a new file and sync it; return the descriptor that holds its lock if asked. Raises OSError, leaving no file."""
    # O_EXCL: a file or link that is already there is not ours.
    descriptor = open_private(path, os.O_WRONLY | os.O_EXCL)
    try:
        if keep_lock:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        while content:  # os.write may write less than it is given
            content = content[os.write(descriptor, content) :]
        os.fsync(descriptor)
        _sync_folder(path.parent)  # fsync of a file does not make its name durable (fsync(2))
    except BaseException:
        os.close(descriptor)
        with suppress(OSError):
            path.unlink()
        raise
    if keep_lock:
        return descriptor
    os.close(descriptor)
    return None


def _replace_orphans(path: Path, orphans: tuple[OrphanedToken, ...]) -> None:
    """Atomically replace the entry with one that lists its orphaned tokens. Raises OSError."""
    content = {**json.loads(path.read_bytes()), "orphans": orphans}
    # Write beside and rename: a reader finds the old entry or the new one, never half of one.
    new = path.with_suffix(".new")
    _write_file(new, json.dumps(content).encode())
    new.replace(path)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
