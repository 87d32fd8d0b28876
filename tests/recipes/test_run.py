"""`tokensh run` lists recipes, prints them and runs them, on a sandbox."""

from __future__ import annotations

import csv
import io
import json
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.engine.sessions import A, B, C
from tests.shared_parser import CACHE_HOME
from tokensh import sandbox
from tokensh.cli.main import main
from tokensh.environment import Environment
from tokensh.errors import InterfaceError
from tokensh.recipes.library import FOLDER, list_recipes, read_recipe
from tokensh.sandbox import Sandbox
from tokensh.sandbox.seed import ADMIN, USER
from tokensh.sandbox.state import CreateRequest, fingerprint

RECIPES = sorted(path.stem for path in FOLDER.glob("*.sql"))
REPORTS = [name for name in RECIPES if name not in ("rotate", "offboard")]


class Terminal(io.StringIO):
    """A terminal at which someone types."""

    def isatty(self) -> bool:
        return True


class PressedTerminal(Terminal):
    """A terminal at which someone presses Ctrl-C when asked."""

    def readline(self, size: int | None = -1, /) -> str:  # type: ignore[override]  # typeshed gives StringIO that of bytes
        signal.raise_signal(signal.SIGINT)
        return "y\n"


@dataclass(frozen=True)
class Cli:
    site: Sandbox
    home: Path
    token: str = ""

    def run(self, *arguments: str, typed: io.StringIO | None = None, out: Any = None) -> tuple[int, str, str]:
        err = io.StringIO() if typed is None else Terminal()
        out = out or io.StringIO()
        variables = {
            "HOME": str(self.home),
            "XDG_CACHE_HOME": str(CACHE_HOME),
            "PATH": "/usr/bin:/bin",
            "DATABRICKS_TOKEN": self.token or self.site.token,
        }
        given = ("run", *arguments, "--endpoint", self.site.endpoint, "-w", A)
        status = main(given, Environment(typed or io.StringIO(), out, err, variables, sleep=lambda _: None))
        return status, out.getvalue() if isinstance(out, io.StringIO) else "", err.getvalue()

    def rows(self, *arguments: str) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.run(*arguments, "-o", "csv")[1])))


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[Cli]:
    with sandbox.start(any_workspace=True) as site:
        hosts = "".join(f'{name} = "{site.origin}/w/{name}"\n' for name in (A, B, C))
        (tmp_path / ".config" / "tokensh").mkdir(parents=True)
        (tmp_path / ".config" / "tokensh" / "config.toml").write_text(f"[hosts]\n{hosts}")
        yield Cli(site, tmp_path)


def test_every_recipe_is_listed_with_its_title_and_can_be_printed(cli: Cli) -> None:
    status, out, _ = cli.run()
    assert (status, [line.split()[0] for line in out.splitlines()]) == (0, RECIPES)
    assert cli.run("audit", "--show")[1] == (FOLDER / "audit.sql").read_text()


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_runs_over_the_workspaces_with_one_request_each(name: str, cli: Cli) -> None:
    status, out, err = cli.run(name, "-o", "csv")
    assert (status, bool(out)) == (0, True), err
    assert len(cli.site.log) == len({entry.workspace for entry in cli.site.log})


def test_an_own_recipe_goes_first_and_says_what_it_needs(cli: Cli) -> None:
    folder = cli.home / ".config" / "tokensh" / "recipes"
    folder.mkdir()
    (folder / "never.sql").write_text(
        "-- title: mine\n-- parameter: n (days): how many\n-- parameter: s = a: a text\nSELECT {{ n }} AS n, '{{ s }}' AS s;"
    )
    assert "never        mine\n" in cli.run()[1]
    assert cli.rows("never", "-v", "n=3") == [{"n": "3", "s": "a"}]
    status, _, err = cli.run("never")
    assert (status, "needs n, how many (days)" in err) == (2, True)
    for wrong in ("n=x", "n=1; DROP", "nn=3"):
        assert cli.run("never", "-v", "n=1", "-v", wrong)[0] == 2
    assert cli.run("nosuch")[0] == 2
    assert cli.run("never", "-v", "n=3", "--fail-if-rows")[0] == 1
    assert cli.run("never", "-v", "n=3", "-c", "SELECT 1")[0] == 2


def test_a_wrong_header_is_an_error_with_its_line() -> None:
    with pytest.raises(InterfaceError, match=r"x\.sql:2: cannot read the header"):
        read_recipe("x", "-- title: x\n-- writes: perhaps\n", "x.sql")


@pytest.mark.parametrize("name", REPORTS)
def test_a_dry_run_explains_every_statement_and_sends_nothing(name: str, cli: Cli) -> None:
    status, out, err = cli.run(name, "--dry-run", "-o", "csv")
    assert (status, "/api/2.0/" in out, err) == (0, True, "")
    assert cli.site.log == []
    assert not list(cli.home.rglob("store.db"))


def test_a_wrong_header_stops_only_its_own_recipe(cli: Cli) -> None:
    folder = cli.home / ".config" / "tokensh" / "recipes"
    folder.mkdir()
    (folder / "broken.sql").write_text("-- parameter: ?\nSELECT 1;")
    assert "broken       " in cli.run()[1]
    status, _, err = cli.run("broken")
    assert (status, "broken.sql:1: cannot read the header" in err) == (2, True)
    assert cli.run("never")[0] == 0


def test_audit_has_a_row_for_each_finding_and_each_workspace_that_fails(cli: Cli) -> None:
    cli.site.fault(f"*/w/{B}/*", status=403, times=None)
    status, out, _ = cli.run("audit", "-o", "json")
    rows = json.loads(out)
    assert {row["schema"] for row in rows} == {"audit/1"}
    found = {(row["deployment_name"], row["finding"]) for row in rows}
    assert status == 1
    assert {(A, "never expires"), (A, "expired"), (A, "expires soon"), (C, "idle")} <= found
    assert [row["finding"] for row in rows if row["deployment_name"] == B] == ["no answer"]
    assert "was told to answer 403" in rows[-1]["detail"]
    assert cli.run("never", "-o", "csv")[0] == 1


def test_an_audit_as_a_page_has_a_heading_and_severities_that_sort_and_replaces_that_of_last_week(cli: Cli) -> None:
    cli.site.fault(f"*/w/{B}/*", status=403, times=None)
    page = cli.home / "audit.html"
    page.write_text("last week's")
    assert cli.run("audit", "-o", "html", "-O", str(page), "--fail-if-rows")[0] == 1
    text = page.read_text()
    assert re.search(r"<h1>Audit all workspaces: .*</h1>\n<p>20\d\d-\d\d-\d\d \d\d:\d\d:\d\dZ</p>", text)
    assert {'<td class="high" data-k="3">high</td>', '<td class="low" data-k="1">low</td>'} <= set(
        re.findall('<td class="(?:high|low)".*?</td>', text)
    )
    assert f"<td>{B}</td>" in text
    assert cli.run("audit", "-o", "html", "-O", str(page), "-v", "days=x")[0] == 2
    assert page.read_text() == text


def test_audit_asks_each_of_200_workspaces_once_and_names_those_that_fail(cli: Cli) -> None:
    names = [f"fleet-{number:03}" for number in range(200)]
    hosts = "".join(f'{name} = "{cli.site.origin}/w/{name}"\n' for name in names)
    (cli.home / ".config" / "tokensh" / "config.toml").write_text(f"[hosts]\n{hosts}")
    failing = names[5::10]
    for name in names:
        cli.site.state.workspace(name).create_token(ADMIN, ADMIN, CreateRequest("soon", 86_400))
    for name in failing:
        cli.site.fault(f"*/w/{name}/*", status=403, times=None)
    status, out, _ = cli.run("audit", "-o", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    asked = [entry.workspace for entry in cli.site.log]
    assert status == 1
    assert sorted(asked) == sorted([A, *names])  # -w names A too
    assert [row["deployment_name"] for row in rows if row["finding"] == "no answer"] == failing
    soon = {row["deployment_name"] for row in rows if row["finding"] == "expires soon"}
    assert soon - {A} == set(names) - set(failing)


def test_a_token_that_never_expires_is_rotated_into_what_the_workspace_gives_and_says_so(cli: Cli) -> None:
    given = ("rotate", "-v", "comment=terraform ci", "--deliver-file", str(cli.home / "value"), "--yes")
    assert "the workspace's default lifetime, as the old one never expires" in cli.run(*given, "--dry-run")[1]
    status, _, err = cli.run(*given)
    assert (status, "lives for the workspace's default lifetime" in err) == (0, True)


def test_a_terminal_is_asked_for_what_is_missing_and_for_consent_and_ctrl_c_ends_either(cli: Cli) -> None:
    status, out, err = cli.run("offboard", "-o", "csv", typed=Terminal("ed@example.com\ny\n"))
    assert (status, out.count("revoked")) == (0, 3)
    assert "> " in err
    assert "go on? [y/N] " in err
    rotate = ("rotate", "-v", "comment=dbt production", "--deliver-file", str(cli.home / "value"))
    for words in (("offboard",), rotate):
        status, _, err = cli.run(*words, typed=PressedTerminal())
        assert (status, err.splitlines()[-1]) == (130, "error: interrupted; nothing was changed")
    assert cli.run(*rotate, typed=Terminal("n\n"))[0] == 130
    assert "POST" not in {entry.method for entry in cli.site.log}


def test_a_report_that_is_lost_says_so_and_quiet_is_quiet(cli: Cli) -> None:
    given = ("offboard", "user=ed@example.com", "--yes")
    with Path("/dev/full").open("w") as full:
        status, _, err = cli.run(*given, out=full)
    assert (status, "the work was done, but its report is lost" in err) == (4, True)
    status, _, err = cli.run(*given)
    assert (status, err) == (0, "note: ed@example.com has no tokens in the workspaces that were asked\n")
    quiet = ("comment=dbt production", "--deliver-file", str(cli.home / "value"), "--yes", "--quiet", "-o", "csv")
    assert cli.run("rotate", *quiet)[::2] == (0, "")
    assert cli.run("rotate", "comment=x", "dbt")[0] == 2


def test_drift_tells_what_is_new_gone_and_changed(cli: Cli) -> None:
    assert {row["change"] for row in cli.rows("drift")} == {"new"}
    assert cli.rows("drift") == []
    workspace = cli.site.state.workspace(A)
    gone, changed, *_ = workspace.list_tokens(ADMIN)
    workspace.revoke_token(gone.token_id)
    workspace.update_token(changed.token_id, CreateRequest("other"), ["comment"])
    value, _ = workspace.create_token(USER, USER, CreateRequest("new"))
    assert {(row["change"], row["token_id"]) for row in cli.rows("drift")} == {
        ("gone", gone.token_id),
        ("changed", changed.token_id),
        ("new", fingerprint(value)),
    }


def test_offboard_previews_revokes_everywhere_and_says_what_remains(cli: Cli) -> None:
    status, _, err = cli.run("offboard", "-v", "user=ed@example.com")
    assert (status, "offboard takes 3 steps: revoke " in err, "say --yes" in err) == (2, True, True)
    preview = cli.rows("offboard", "-v", "user=ed@example.com", "--dry-run")
    assert {(row["deployment_name"], row["state"]) for row in preview} == {(n, "would be revoked") for n in (A, B, C)}
    assert not [entry for entry in cli.site.log if entry.method != "GET"]
    cli.site.fault(f"DELETE */w/{B}/*", status=403, times=1)
    cli.site.fault(f"DELETE */w/{C}/*", drop=True, after_handler=True, times=1)
    status, out, _ = cli.run("offboard", "-v", "user=ed@example.com", "--yes", "-o", "csv")
    states = {row["deployment_name"]: row["state"] for row in csv.DictReader(io.StringIO(out))}
    assert (status, states) == (1, {A: "revoked", B: "remains", C: "revoked"})
    status, out, _ = cli.run("offboard", "-v", "user=ed@example.com", "--yes", "-o", "csv")
    assert (status, out.count("revoked")) == (0, 1)
    assert [len(cli.site.state.workspace(n).list_tokens(USER)) for n in (A, B, C)] == [0, 0, 0]


def test_offboard_keeps_the_token_that_signs_its_requests_and_its_dry_run_says_so(cli: Cli) -> None:
    value, _ = cli.site.state.workspace(A).create_token(ADMIN, ADMIN, CreateRequest("signs"))
    cli = replace(cli, token=value)
    given = ("offboard", "-v", "user=ada@example.com")
    preview = {row["token_id"]: row["state"] for row in cli.rows(*given, "--dry-run")}
    done = {row["token_id"]: row["state"] for row in cli.rows(*given, "--yes")}
    assert [name for name, state in preview.items() if state == "remains"] == [fingerprint(value)]
    assert {name: state.removeprefix("would be ") for name, state in preview.items()} == done


def test_rotate_delivers_then_revokes_and_needs_consent(cli: Cli) -> None:
    value = cli.home / "value"
    given = ("rotate", "-v", "comment=dbt production", "--deliver-file", str(value))
    assert cli.run(*given)[0] == 2
    assert cli.run(*given, "--dry-run")[0] == 0
    assert cli.run("rotate", "-v", "comment=dbt production", "--yes")[0] == 2
    assert not value.exists()
    status, out, err = cli.run(*given, "--yes", "--grace", "1")
    assert (status, "waiting" in out) == (0, True), err
    assert cli.run(*given, "--yes")[1].count("waiting") == 1
    record = next((cli.home / ".local/state/tokensh/rotations").glob("*.json"))
    record.write_text(json.dumps({**json.loads(record.read_text()), "revoke_after": 1}))
    assert "done" in cli.run(*given, "--yes")[1]
    (left,) = [t for t in cli.site.state.workspace(A).list_tokens(ADMIN) if t.comment == "dbt production"]
    assert left.token_id == fingerprint(value.read_text())
    assert cli.run("rotate", "-v", "comment=nosuch", "--deliver", "cat", "--yes")[0] == 1


def test_the_recipes_of_the_package_can_be_read(cli: Cli) -> None:
    environment = Environment(io.StringIO(), io.StringIO(), io.StringIO(), {"HOME": str(cli.home)})
    assert all(recipe.title != recipe.name for recipe in list_recipes(environment).values())
