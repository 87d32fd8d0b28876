r"""The `\if` blocks of scripts: which of their statements run."""

from __future__ import annotations

from tokensh.errors import InterfaceError


class Conditions:
    r"""The open `\if` blocks of a session, the innermost last."""

    def __init__(self) -> None:
        # For each block: whether its branch runs, whether a branch has run or must not, and whether it is in \else.
        self._blocks: list[tuple[bool, bool, bool]] = []

    @property
    def depth(self) -> int:
        """How many blocks are open."""
        return len(self._blocks)

    @property
    def runs(self) -> bool:
        """Whether statements run here."""
        return all(runs for runs, _, _ in self._blocks)

    @property
    def may_run(self) -> bool:
        r"""Whether the condition of an `\elif` here has to be computed."""
        return bool(self._blocks) and all(runs for runs, _, _ in self._blocks[:-1]) and not self._blocks[-1][1]

    def open(self, condition: bool) -> None:
        r"""Begin a block, at `\if`."""
        self._blocks.append((condition, condition, False))

    def switch(self, condition: bool, *, last: bool) -> None:
        r"""Begin the next branch, at `\elif` or `\else`. Raises InterfaceError."""
        _, done, was_last = self._pop(r"\else" if last else r"\elif")
        if was_last:
            raise InterfaceError(r"after \else only \endif can follow")
        self._blocks.append((condition and not done, condition or done, last))

    def close(self) -> None:
        r"""End a block, at `\endif`. Raises InterfaceError."""
        self._pop(r"\endif")

    def cut(self, depth: int) -> None:
        """Forget the blocks beyond a depth."""
        del self._blocks[depth:]

    def _pop(self, command: str) -> tuple[bool, bool, bool]:
        if not self._blocks:
            raise InterfaceError(rf"{command} without \if")
        return self._blocks.pop()
