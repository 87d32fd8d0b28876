"""How deep files of statements are in one another: one that runs itself would go on for ever."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tokensh.errors import InterfaceError

_DEEPEST = 10


class Includes:
    """The files that run, one inside the other."""

    def __init__(self) -> None:
        self._depth = 0

    @contextmanager
    def enter(self, name: str) -> Iterator[None]:
        """Count a file while it runs inside the `with` block. Raises InterfaceError if it is too deep."""
        if self._depth >= _DEEPEST:
            raise InterfaceError(f"cannot run {name}: files include each other more than {_DEEPEST} deep")
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
