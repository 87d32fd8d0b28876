r"""`\deliver` and `\verify` take the values that the session holds, never a text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.shell.in_process import InProcessShell, open_shell
from tokensh.sandbox import Sandbox

INSERT = "INSERT INTO user_tokens (comment) VALUES ('a') RETURNING token_value;"


@pytest.fixture
def shell(site: Sandbox, tmp_path: Path) -> Iterator[InProcessShell]:
    with open_shell(site, tmp_path) as opened:
        yield opened


def pending(shell: InProcessShell) -> int:
    shell.session.connection._shown_later.list_as_pending()
    return len(list(shell.session.connection.run("SELECT * FROM tokensh.local.pending").rows))


def test_the_hidden_values_go_into_files_and_are_then_not_held(shell: InProcessShell, tmp_path: Path) -> None:
    shell.run(INSERT + INSERT.replace("'a'", "'b'").replace(" RETURNING token_value", ""))
    said = shell.run(rf"\deliver {tmp_path}/{{token_id}}.token")
    files = list(tmp_path.glob("*.token"))
    assert len(files) == said.count("went to") == 2
    assert all(file.read_text().startswith("dapi") for file in files)
    assert not any(file.read_text() in said for file in files)
    assert "no value is held" in shell.run(r"\deliver x")
    assert pending(shell) == 0
    assert "works, as ada@example.com" in shell.run(r"\verify")


@pytest.mark.parametrize("argument", ["|exit 3", "/nowhere/x", "| nosuchprogram"])
def test_what_cannot_be_delivered_stays_hidden_and_pending(argument: str, shell: InProcessShell) -> None:
    shell.run(INSERT)
    assert "error" in shell.run(rf"\deliver {argument}")
    assert pending(shell) == 1
    assert "dapi" in shell.run(r"\reveal")


def test_verify_takes_what_is_held(shell: InProcessShell, site: Sandbox) -> None:
    assert "no value is held" in shell.run(r"\verify")
    shell.run(INSERT)
    assert "works, as ada@example.com" in shell.run(r"\verify")
    shell.run("DELETE FROM user_tokens WHERE comment = 'a';")
    assert r"\deliver needs a file" in shell.run(r"\deliver")


def test_recipes_are_listed_and_run_beside_named_queries(shell: InProcessShell) -> None:
    assert "Tokens that never expire" in shell.run(r"\n")
    variables = dict(shell.session.connection.variables)
    assert "extra" not in shell.run(r"\n never")
    assert "dbt production" in shell.run(r"\n expiring days=5")
    assert "no parameter 'nosuch'" in shell.run(r"\n never nosuch=1")
    assert shell.session.connection.variables == variables


@pytest.mark.parametrize(("program", "count"), [("dd bs=1 count=3 status=none", 1), ("cat > {out}", 0)])
@pytest.mark.parametrize("is_kept_open", [False, True], ids=["g", "o"])
def test_a_value_is_with_a_program_once_that_has_read_it(
    program: str, count: int, is_kept_open: bool, shell: InProcessShell, tmp_path: Path
) -> None:
    program = program.format(out=tmp_path / "out")
    shell.run(r"\pset format csv")
    if is_kept_open:
        shell.run(rf"\o |{program}")
        said = shell.run(INSERT) + shell.run(r"\o")
    else:
        said = shell.run(rf"{INSERT.removesuffix(';')} \g |{program}")
    assert said.count("revoketoken") == count
    assert pending(shell) == count
    assert (tmp_path / "out").exists() == (not count)


def test_jobs_are_previewed_run_and_told_what_they_lack(shell: InProcessShell, tmp_path: Path) -> None:
    assert "which token is not given" in shell.run(r"\n rotate")
    assert "needs user" in shell.run(r"\n offboard")
    assert "unexpected argument 'x'" in shell.run(r"\n offboard user=ed@example.com x")
    value = tmp_path / "value"
    rotate = rf"\n rotate comment='dbt production' --deliver-file {value}"
    assert "where the new value goes is not given" in shell.run(r"\n rotate comment='dbt production'")
    assert "deliver its value" in shell.run(f"{rotate} --dry-run")
    assert not value.exists()
    shell.session.connection.yes = True
    said = shell.run(rotate)
    assert "done" in said
    assert value.read_text() not in said
    assert "has no tokens" in shell.run(r"\n offboard user=nosuch@example.com")
    assert shell.run(r"\n offboard user=ed@example.com").count("revoked") == 1
