"""Regular expressions that are compiled when they are first used: most runs use few of a module's."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, AnyStr


class _Late:
    """Stands for a compiled pattern, whose methods become its own as they are asked for."""

    def __init__(self, text: Any, flags: int) -> None:
        self._given = (text, flags)

    def __getattr__(self, name: str) -> Any:
        text, flags = self._given
        found = getattr(re.compile(text, flags), name)
        setattr(self, name, found)
        return found


def late(text: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """As `re.compile`; what is wrong with the pattern is found at its first use."""
    made: Any = _Late(text, flags)
    return made  # type: ignore[no-any-return] # it does what a pattern does
