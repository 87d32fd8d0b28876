"""`-O FILE` costs neither an input nor an earlier result, whatever happens to the run."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.cli.test_main import on
from tokensh.sandbox import Sandbox

INSERT = "INSERT INTO user_tokens(comment) SELECT 'made' RETURNING token_value"
FAILING = {
    "a syntax error": (("-c", "SELEC 1"), 1),
    "an unfilled placeholder": (("-c", "SELECT '{{ x }}'"), 2),
    "an unknown column": (("-c", "SELECT nosuch FROM user_tokens"), 1),
    "a script that is not there": (("-f", "nosuch.sql"), 2),
    "a workspace that does not answer": (("-c", "SELECT * FROM user_tokens WHERE deployment_name = 'nosuch'"), 1),
}


@pytest.mark.parametrize("name", FAILING)
def test_a_run_that_fails_leaves_the_file_as_it_was(name: str, site: Sandbox, tmp_path: Path) -> None:
    arguments, status = FAILING[name]
    path = tmp_path / "out.csv"
    path.write_text("earlier")
    assert on(site, tmp_path, "-O", str(path), *arguments).status == status
    assert (path.read_text(), sorted(tmp_path.glob("out*"))) == ("earlier", [path])


def test_results_before_a_failure_are_beside_the_file_and_told(site: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("earlier")
    result = on(site, tmp_path, "-o", "csv", "-O", str(path), "-c", f"{INSERT}; SELECT nosuch FROM user_tokens")
    assert (result.status, path.read_text()) == (1, "earlier")
    part = tmp_path / "out.csv.part"
    assert part.read_text().startswith("token_value\ndapi")
    assert stat.S_IMODE(part.stat().st_mode) == 0o600
    assert str(part) in result.err


def test_results_before_a_failure_are_in_the_file_if_there_was_none(site: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    assert on(site, tmp_path, "-O", str(path), "-o", "csv", "-c", f"{INSERT}; SELEC").status == 1
    assert path.read_text().startswith("token_value\ndapi")


def list_pending(site: Sandbox, tmp_path: Path) -> list[str]:
    sql = "SELECT comment FROM tokensh.local.pending"
    return on(site, tmp_path, "-o", "csv", "--hide-headers", "-c", sql).out.splitlines()


@pytest.mark.parametrize("rest", ["", "; SELECT nosuch FROM user_tokens"])
@pytest.mark.parametrize("earlier", [False, True])
def test_a_value_in_a_file_that_its_user_knows_is_not_pending(
    rest: str, earlier: bool, site: Sandbox, tmp_path: Path
) -> None:
    path = tmp_path / "out.csv"
    if earlier:
        path.write_text("earlier")
    on(site, tmp_path, "-O", str(path), "-o", "csv", "-c", f"{INSERT}{rest}")
    assert list_pending(site, tmp_path) == []


@pytest.mark.parametrize("mode", [0o644, 0o600, 0o666])
def test_a_file_that_others_could_read_gets_a_secret_as_its_owners_alone(
    mode: int, site: Sandbox, tmp_path: Path
) -> None:
    path = tmp_path / "out"
    path.touch(mode)
    path.chmod(mode)
    assert on(site, tmp_path, "-O", str(path), "-o", "csv", "-c", INSERT).status == 0
    assert (path.read_text()[:16], stat.S_IMODE(path.stat().st_mode)) == ("token_value\ndapi", 0o600)


@pytest.mark.parametrize("flag", ["-f", "--vars"])
@pytest.mark.parametrize("name", ["input.txt", "link.txt", "hard.txt"])
def test_what_the_run_reads_is_not_overwritten(flag: str, name: str, site: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "input.txt"
    path.write_text("a: 1\n" if flag == "--vars" else "SELECT 1;")
    (tmp_path / "link.txt").symlink_to(path)
    (tmp_path / "hard.txt").hardlink_to(path)
    before = path.read_bytes()
    result = on(site, tmp_path, "-O", str(tmp_path / name), flag, str(path), "-c", "SELECT 1")
    assert (result.status, path.read_bytes(), (tmp_path / "link.txt").is_symlink()) == (2, before, True)
    assert "which this run reads" in result.err


@pytest.mark.parametrize("flag", ["--log", "--store", None])
def test_no_other_file_of_the_run_is_overwritten(flag: str | None, site: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / ("databrickscfg" if flag else ".databrickscfg")
    path.write_text("[DEFAULT]\n")
    options = (flag, str(path)) if flag else ()
    result = on(site, tmp_path, "-O", str(path), *options, "-c", "SELECT 1 AS x")
    assert (result.status, path.read_text()) == (2, "[DEFAULT]\n")
    assert "which this run reads" in result.err


@pytest.mark.parametrize("name", ["report.sql", "REPORT.IQL"])
def test_a_script_is_not_overwritten_by_results(name: str, site: Sandbox, tmp_path: Path) -> None:
    (tmp_path / name).write_text("SELECT 1;")
    result = on(site, tmp_path, "-O", str(tmp_path / name), "-c", "SELECT 2")
    assert (result.status, (tmp_path / name).read_text()) == (2, "SELECT 1;")


def test_a_minus_is_standard_output(site: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = on(site, tmp_path, "-O", "-", "-o", "csv", "-c", "SELECT 1 AS x")
    assert (result.status, result.out, (tmp_path / "-").exists()) == (0, "x\n1\n", False)
