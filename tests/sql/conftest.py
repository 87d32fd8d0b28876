"""What the tests of the language share."""

from __future__ import annotations

import pytest

from tokensh.sql.parse import Parser


@pytest.fixture(scope="session")
def parser() -> Parser:
    return Parser()
