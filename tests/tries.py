"""How many examples a property tries: few by default, a third with the profile `quick`, 20,000 with `nightly`."""

from __future__ import annotations

from typing import Any

from hypothesis import settings

USUAL = 30
"""Examples of the profile `usual`, which tests/conftest.py loads."""


def tries(count: int, *, derandomize: bool = True, **more: Any) -> settings:
    """Return the settings of a property that needs `count` examples where the profile `usual` has 30.

    The same examples each time with `derandomize`, except in a profile that has many.
    """
    given = settings.default.max_examples  # type: ignore[union-attr] # of the profile that is loaded
    if given > USUAL:
        return settings(max_examples=given, deadline=None, **more)
    return settings(max_examples=max(1, count * given // USUAL), deadline=None, derandomize=derandomize, **more)
