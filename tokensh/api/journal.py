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

import json
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

from tokensh._dataclasses import dataclass, field, fields, replace
from tokensh.environment import (
    Environment,
    check_private_folder,
    lock_file,
    make_private_folder,
    open_private,
    sync_folder,
)
from tokensh.errors import OperationalError
from tokensh.text import escape_surrogates

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


class FileLock:
    """The descriptor that holds the lock on an entry's file."""

    __slots__ = ("_descriptor",)

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def release(self) -> None:
        """Close the descriptor; once, for its number may belong to another file afterwards."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with suppress(OSError):
                os.close(descriptor)


@dataclass(frozen=True, slots=True)
class Entry:
    """An intent on disk; `lock` is its lock, None if this process does not hold it."""

    path: Path
    intent: Intent
    lock: FileLock | None = field(default=None, compare=False)

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
                self._replace_orphans(orphans)
        self._release_lock()

    def _replace_orphans(self, orphans: tuple[OrphanedToken, ...]) -> None:
        """Atomically replace the file with one that lists these tokens. Raises OSError."""
        # What another version has written beside our fields stays in it.
        try:
            stored = _load_json(self.path)
        except (OSError, ValueError):
            stored = {}
        known = {each.name: getattr(self.intent, each.name) for each in fields(Intent)}
        _write_file(self.path, json.dumps({**known, **stored, "orphans": orphans}).encode())

    def _release_lock(self) -> None:
        if self.lock is not None:
            self.lock.release()


@dataclass(frozen=True, slots=True)
class UnreadableEntry:
    """A file of the journal that cannot be read, or the journal itself: it may be about a token, so it is reported too."""

    path: Path

    @property
    def id(self) -> str:
        """The name of the file without its suffix, as of an entry that can be read."""
        return self.path.stem

    def remove(self) -> None:
        """Remove the file: the user has looked into it."""
        with suppress(OSError):
            self.path.unlink()


class Journal:
    """The folder of intents, `journal` in the state folder.

    Args:
        environment: names the state folder.
        redact: removes secrets from the texts that are written there.
        is_required: whether a create must not be sent if the intent cannot be written, as in the sandbox it may.
    """

    def __init__(
        self,
        environment: Environment,
        redact: Callable[[str], str] = str,
        *,
        is_required: bool = True,
    ) -> None:
        self._redact = redact
        self._is_required = is_required
        self.folder = environment.journal_folder

    def begin(self, intent: Intent) -> Entry:
        """Write an intent and sync it. Raises OperationalError if that fails: the create must not be sent then."""
        # The time comes first, so that sorting by name sorts by time.
        path = self.folder / f"{intent.time}-{os.getpid()}-{next(_numbers)}.json"
        comment = None if intent.comment is None else self._redact(intent.comment)
        try:
            make_private_folder(self.folder)
            lock = _write_file(
                path, _encode_intent(replace(intent, comment=comment, look=self._redact(intent.look))), keep_lock=True
            )
        except OSError as error:
            if not self._is_required:
                return Entry(path, intent)
            raise OperationalError(
                f"cannot write the journal of creates: {path}: {error.strerror}",
                hint="without it, a token whose reply is lost could not be found again, so nothing was sent;"
                " XDG_STATE_HOME names another folder for it",
            ) from None
        return Entry(path, intent, lock)

    def clear(self) -> None:
        """Take the entries that no running session holds off the disk."""
        for entry in self.leftovers():
            entry.remove()

    def leftover_intents(self) -> Iterator[Entry]:
        """Yield the intents that no running session holds, oldest first."""
        return (entry for entry in self.leftovers() if isinstance(entry, Entry))

    def leftovers(self) -> Iterator[Entry | UnreadableEntry]:
        """Yield what no running session holds, oldest first, with the files that cannot be read.

        Raises OperationalError if others may have put entries there, whose statements the user would run.
        """
        try:
            check_private_folder(self.folder)
        except PermissionError as error:
            raise OperationalError(f"cannot read the journal of creates: {error.strerror}") from None
        except OSError:
            yield UnreadableEntry(self.folder)
            return
        try:
            names = sorted(name for name in os.listdir(self.folder) if name.endswith(".json"))  # noqa: PTH208 (it raises)
        except FileNotFoundError:
            return
        except OSError:
            yield UnreadableEntry(self.folder)
            return
        for name in names:
            path = self.folder / name
            try:
                yield Entry(path, _read_intent(path))
            except (BlockingIOError, FileNotFoundError):
                continue  # a running create's, or settled just now
            except (OSError, ValueError):
                yield UnreadableEntry(path)


def _encode_intent(intent: Intent) -> bytes:
    return json.dumps({each.name: getattr(intent, each.name) for each in fields(intent)}).encode()


def _read_intent(path: Path) -> Intent:
    """Read the intent of a file. Raises OSError (BlockingIOError: a running create holds its lock), ValueError."""
    # Without O_NONBLOCK a pipe that somebody left there would wait for a writer.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("not a file")
        lock_file(descriptor, shared=True)
    finally:
        os.close(descriptor)
    return _to_intent(_load_json(path))


def _load_json(path: Path) -> dict[str, object]:
    """Return the object of a file. Raises OSError, ValueError."""
    try:
        content = json.loads(path.read_bytes())
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(content, dict):
        raise ValueError("not an object")  # noqa: TRY004 (one kind of error for all that is wrong with a file)
    return content


def _to_intent(content: dict[str, object]) -> Intent:
    """Return the intent of a file's object; fields of other versions are ignored. Raises ValueError."""

    def text(name: str, default: str | None) -> str:
        value = content.get(name, default)
        if not isinstance(value, str):
            raise ValueError(name)  # noqa: TRY004 (as above)
        return escape_surrogates(value)

    def number(name: str) -> int:
        value = content.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
            raise ValueError(name)
        return value

    orphans = content.get("orphans", [])
    if not isinstance(orphans, list) or not all(map(_is_orphan, orphans)):
        raise ValueError("orphans")
    return Intent(
        number("time"),
        text("workspace", None),
        text("resource", None),
        None if content.get("comment") is None else text("comment", None),
        None if content.get("lifetime_seconds") is None else number("lifetime_seconds"),
        text("look", ""),
        text("host", ""),
        tuple((escape_surrogates(token_id), escape_surrogates(statement)) for token_id, statement in orphans),
    )


def _is_orphan(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(each, str) for each in value)


def _write_file(path: Path, content: bytes, *, keep_lock: bool = False) -> FileLock | None:
    """Write a file, replacing one of that name, and sync it; return its lock if asked.

    Raises OSError, leaving what was there.
    """
    # Beside it, and renamed: a reader finds the old file or the new one, and the new one locked from the start. The name is
    # new each time, so that what a crash left does not matter.
    new = path.with_name(f"{path.stem}.{os.getpid()}-{next(_numbers)}.new")
    # O_EXCL: a file or link that is already there is not ours.
    descriptor = open_private(new, os.O_WRONLY | os.O_EXCL)
    try:
        if keep_lock:
            lock_file(descriptor, waits=True)
        while content:  # os.write may write less than it is given
            content = content[os.write(descriptor, content) :]
        os.fsync(descriptor)
        new.replace(path)
        sync_folder(path.parent)  # fsync of a file does not make its name durable (fsync(2))
    except BaseException:
        os.close(descriptor)
        with suppress(OSError):
            new.unlink()
        raise
    if keep_lock:
        return FileLock(descriptor)
    os.close(descriptor)
    return None
