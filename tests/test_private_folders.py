"""Folders in which others could have put something are refused, as ssh refuses its own."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli.test_main import on
from tests.shared_parser import compiled_grammar
from tokensh.environment import check_private_folder, make_private_folder
from tokensh.sandbox import Sandbox
from tokensh.sql import grammar

INSERT = "INSERT INTO user_tokens(comment) SELECT 'made' RETURNING token_value"
PLANTED = {
    "time": 1, "workspace": "dbc-1", "resource": "user_tokens", "comment": None, "lifetime_seconds": None,
    "look": "EXEC planted.by.somebody", "host": "x", "orphans": [],
}  # fmt: skip
MODES = [0o777, 0o770, 0o720, 0o702, 0o1777]
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("inside", ["tokensh", "tokensh/journal"])
def test_a_folder_that_others_may_write_to_is_refused(mode: int, inside: str, tmp_path: Path) -> None:
    make_private_folder(tmp_path / "tokensh" / "journal")
    (tmp_path / inside).chmod(mode)
    for refuse in (check_private_folder, make_private_folder):
        with pytest.raises(OSError, match=r"others may write to the folder .*chmod go-w helps"):
            refuse(tmp_path / "tokensh" / "journal")


@root_only
def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    make_private_folder(tmp_path / "tokensh")
    os.chown(tmp_path / "tokensh", 65534, 65534)
    with pytest.raises(OSError, match="belongs to another user"):
        make_private_folder(tmp_path / "tokensh")


@pytest.mark.parametrize("mode", [0o700, 0o755, 0o750])
def test_a_folder_that_others_may_only_read_is_used(mode: int, tmp_path: Path) -> None:
    (tmp_path / "tokensh").mkdir()
    (tmp_path / "tokensh").chmod(mode)
    make_private_folder(tmp_path / "tokensh")
    check_private_folder(tmp_path / "tokensh" / "not" / "there")


def test_a_folder_above_tokenshs_own_is_not_looked_at(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    make_private_folder(shared / "tokensh")
    make_private_folder(shared / "named" / "by" / "the" / "user")


def test_a_create_is_not_sent_and_a_planted_entry_is_not_shown(site: Sandbox, tmp_path: Path) -> None:
    journal = tmp_path / ".local" / "state" / "tokensh" / "journal"
    make_private_folder(journal)
    (journal / "1-1-1.json").write_text(json.dumps(PLANTED))
    journal.chmod(0o777)
    result = on(site, tmp_path, "-c", INSERT)
    assert (result.status, result.err.count("others may write to the folder")) == (1, 2)
    assert not [entry for entry in site.log if entry.path.endswith("/create")]
    result = on(site, tmp_path, "-c", "SELECT * FROM tokensh.local.pending")
    assert (result.status, "planted" in result.out + result.err) == (1, False)
    # What needs no journal works, with a warning.
    result = on(site, tmp_path, "-c", "SELECT count(*) FROM user_tokens")
    assert (result.status, "others may write" in result.err) == (0, True)


@pytest.mark.parametrize(
    ("folder", "statement"),
    [
        (".local/share/tokensh", "CREATE TABLE t (a int)"),
        (".local/state/tokensh", "SELECT * FROM tokensh.local.statements"),
    ],
)
def test_store_and_history_are_refused_where_others_may_write(
    folder: str, statement: str, site: Sandbox, tmp_path: Path
) -> None:
    make_private_folder(tmp_path / folder)
    (tmp_path / folder / "history.db").touch()
    (tmp_path / folder).chmod(0o777)
    result = on(site, tmp_path, "-c", statement)
    assert (result.status, "others may write to the folder" in result.err) == (1, True)


def test_a_cache_that_others_may_write_to_is_neither_read_nor_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    make_private_folder(cache / "tokensh")
    (cache / "tokensh").chmod(0o777)
    monkeypatch.setattr(grammar, "compile_grammar", lambda _: compiled_grammar())  # saves 3 s
    from tests.cli.test_main import run  # noqa: PLC0415 (with a cache of its own)

    result = run(tmp_path, "-o", "csv", "-c", "SELECT 1 AS x", variables={"XDG_CACHE_HOME": str(cache)})
    assert (result.status, list((cache / "tokensh").iterdir())) == (0, [])
