"""The compiled grammar is shipped, cached or compiled, always from the grammar at hand."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.shared_parser import compiled_grammar
from tokensh.errors import InternalError
from tokensh.sql import grammar
from tokensh.sql.lalr import ParserState

ROOT = Path(__file__).parents[2]


def lay_out_wheel(folder: Path) -> Path:
    """Return a package laid out as in a wheel: the grammar inside it."""
    package = folder / "site" / "tokensh"
    shutil.copytree(ROOT / "grammar", package / "grammar", ignore=shutil.ignore_patterns("table.json"))
    return package


@pytest.fixture
def no_lark(monkeypatch: pytest.MonkeyPatch) -> None:
    def compiled(_: str) -> dict[str, Any]:
        raise AssertionError("the grammar was compiled")

    compiled_grammar()
    monkeypatch.setattr(grammar, "compile_grammar", compiled)


@pytest.fixture
def compiled_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Save the 3 s that compiling takes where a test is about files: only the grammar at hand has a known result."""
    known = {grammar.read_grammar(): compiled_grammar()}
    monkeypatch.setattr(grammar, "compile_grammar", known.__getitem__)


def test_a_checkout_reads_the_grammar_at_its_top() -> None:
    assert grammar.find_folder() == ROOT / "grammar"


def test_a_wheel_reads_the_grammar_in_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = lay_out_wheel(tmp_path)
    monkeypatch.setattr(grammar, "_PACKAGE_FOLDER", package)
    assert grammar.find_folder() == package / "grammar"


def test_missing_files_are_an_error_that_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grammar, "_PACKAGE_FOLDER", tmp_path / "tokensh")
    with pytest.raises(InternalError) as raised:
        grammar.find_folder()
    assert "install" in (raised.value.hint or "")


@pytest.mark.usefixtures("no_lark")
def test_a_shipped_table_is_read_without_lark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = lay_out_wheel(tmp_path)
    (package / "grammar" / "table.json").write_text(json.dumps(compiled_grammar()))
    monkeypatch.setattr(grammar, "_PACKAGE_FOLDER", package)
    assert grammar.load_table(None).start_state == compiled_grammar()["start"]


@pytest.mark.usefixtures("compiled_before")
def test_a_table_of_another_grammar_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = lay_out_wheel(tmp_path)
    (package / "grammar" / "table.json").write_text(json.dumps(compiled_grammar() | {"digest": "0", "start": -7}))
    monkeypatch.setattr(grammar, "_PACKAGE_FOLDER", package)
    assert grammar.load_table(None).start_state == compiled_grammar()["start"]


@pytest.mark.usefixtures("compiled_before")
def test_a_made_table_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    grammar.load_table(tmp_path / "cache")
    (kept,) = (tmp_path / "cache").iterdir()
    assert json.loads(kept.read_text()) == compiled_grammar()
    assert kept.stat().st_mode & 0o077 == 0


@pytest.mark.usefixtures("compiled_before")
@pytest.mark.parametrize("broken", ["", "{", "[]", "null", '{"digest": 1}', "\x00"])
def test_a_broken_cache_file_is_made_anew(broken: str, tmp_path: Path) -> None:
    kept = tmp_path / f"grammar-{compiled_grammar()['digest'][:16]}.json"
    kept.write_text(broken)
    grammar.load_table(tmp_path)
    assert json.loads(kept.read_text()) == compiled_grammar()


@pytest.mark.usefixtures("no_lark")
def test_a_cached_table_is_read_without_lark(tmp_path: Path) -> None:
    (tmp_path / f"grammar-{compiled_grammar()['digest'][:16]}.json").write_text(json.dumps(compiled_grammar()))
    assert grammar.load_table(tmp_path).end_state == compiled_grammar()["end"]


@pytest.mark.usefixtures("compiled_before")
def test_a_cache_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert grammar.load_table(tmp_path / "file" / "cache").start_state == compiled_grammar()["start"]


@pytest.mark.usefixtures("compiled_before")
def test_a_compiled_table_leads_on_from_the_start() -> None:
    accepted = ParserState(grammar.load_table(None), {}).expected_terminals()
    assert {"SELECT", "INSERT", "EXEC", "SHOW"} <= set(accepted)


def test_the_language_does_not_depend_on_comments_or_the_systems_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    lines = grammar.read_grammar().splitlines(keepends=True)
    without = grammar.compile_grammar("".join(line for line in lines if not line.startswith("//")))
    assert len(without.pop("digest")) > 0
    assert without == {name: value for name, value in compiled_grammar().items() if name != "digest"}
    assert not list(tmp_path.iterdir())
