"""What this machine knows of rotations that are not finished: one file each, written before what it is about is sent.

The workspace's list tells which tokens exist; a record adds what no list can tell: which of them is the new one, and whether its
value has reached its destination. It holds no secret.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, get_args

from tokensh._dataclasses import dataclass, fields, replace
from tokensh.environment import Environment, lock_file, make_private_folder, open_private, sync_folder
from tokensh.errors import InterfaceError, OperationalError

Step = Literal["minting", "delivering", "delivered", "refused", "verified", "revoking"]
_MARKER = re.compile(r" ?\[rotation ([0-9a-f]{8})\]\Z")
_LONGEST_COMMENT = 255


@dataclass(frozen=True, slots=True)
class RotationRecord:
    """One rotation.

    Attributes:
        host: the workspace's host and port, with the path of an emulator.
        old_id: the token that is replaced.
        step: what was begun, or for `delivered` and `verified` done.
        nonces: the marks in the comments of all tokens that it has tried to create, the last one of the current try.
        new_id: the new token, empty before it is known.
        revoke_after: the time in epoch ms before which the old token is kept; 0 for none.
    """

    host: str
    old_id: str
    step: Step = "minting"
    nonces: tuple[str, ...] = ()
    new_id: str = ""
    revoke_after: int = 0

    def next_try(self) -> RotationRecord:
        """Return the record before the next create: with a mark that no token has."""
        return replace(self, step="minting", new_id="", nonces=(*self.nonces, secrets.token_hex(4)))

    def mark(self, comment: str) -> str:
        """Return the comment of the token to create."""
        marker = f" [rotation {self.nonces[-1]}]"
        return comment[: _LONGEST_COMMENT - len(marker)] + marker


def strip_mark(comment: str) -> str:
    """Return a comment without the mark of a rotation."""
    return _MARKER.sub("", comment)


def find_mark(comment: str) -> str:
    """Return the mark in a comment, empty if it has none."""
    found = _MARKER.search(comment)
    return found[1] if found else ""


class RotationRecords:
    """The records of one workspace, in the state folder. Hold `locked` while they are used."""

    def __init__(self, environment: Environment, host: str) -> None:
        self._folder = environment.state_folder / "rotations"
        self._host = host
        self._prefix = hashlib.sha256(host.encode()).hexdigest()[:16]

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs on this machine from rotating tokens of the workspace. Raises OperationalError, InterfaceError."""
        try:
            make_private_folder(self._folder)
            descriptor = open_private(self._folder / f"{self._prefix}.lock", os.O_RDWR)
        except OSError as error:
            raise _cannot_write(self._folder, error) from None
        try:
            lock_file(descriptor)
        except OSError as error:
            os.close(descriptor)
            if not isinstance(error, BlockingIOError):
                raise _cannot_write(self._folder, error) from None
            raise InterfaceError(
                "another run rotates a token of this workspace just now", hint="wait until it has ended"
            ) from None
        try:
            yield
        finally:
            os.close(descriptor)

    def read(self) -> list[RotationRecord]:
        """Return the records. Raises OperationalError for one that cannot be read: it may be about a new token."""
        records = []
        for path in sorted(self._folder.glob(f"{self._prefix}-*.json")):
            try:
                records.append(_to_record(json.loads(path.read_bytes())))
            except (OSError, ValueError, TypeError, KeyError):
                raise OperationalError(
                    f"the record of a rotation cannot be read: {path}",
                    hint="look which tokens of the workspace have a comment with [rotation ...] at its end, and delete the file",
                ) from None
        return records

    def write(self, record: RotationRecord) -> RotationRecord:
        """Write a record to the disk and return it. Raises OperationalError: then what it announces must not be done."""
        path = self._path(record)
        new = path.with_suffix(f".{os.getpid()}.new")
        try:
            descriptor = open_private(new, os.O_WRONLY | os.O_TRUNC)
            try:
                content = json.dumps({each.name: getattr(record, each.name) for each in fields(record)}).encode()
                while content:
                    content = content[os.write(descriptor, content) :]
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            new.replace(path)
            sync_folder(self._folder)
        except OSError as error:
            with suppress(OSError):
                new.unlink()
            raise _cannot_write(path, error) from None
        return record

    def remove(self, record: RotationRecord) -> None:
        """Delete a record: the rotation is finished, or has not begun."""
        with suppress(OSError):  # the next run finds that nothing is left to do
            self._path(record).unlink()

    def _path(self, record: RotationRecord) -> Path:
        name = hashlib.sha256(record.old_id.encode()).hexdigest()[:16]
        return self._folder / f"{self._prefix}-{name}.json"


def _to_record(content: dict[str, Any]) -> RotationRecord:
    """Return the record of a file's object. Raises ValueError, TypeError, KeyError."""
    record = RotationRecord(
        str(content["host"]),
        str(content["old_id"]),
        content["step"],
        tuple(map(str, content["nonces"])),
        str(content["new_id"]),
        int(content["revoke_after"]),
    )
    if record.step not in get_args(Step) or not record.nonces:
        raise ValueError(record.step)
    return record


def _cannot_write(path: Path, error: OSError) -> OperationalError:
    return OperationalError(
        f"cannot write the record of the rotation: {path}: {error.strerror}",
        hint="without it, an interrupted rotation could not be continued; XDG_STATE_HOME names another folder",
    )
