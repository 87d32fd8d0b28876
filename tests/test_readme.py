"""The examples of README and of the manual's topics, run."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import yaml

from tests import seed_statements
from tests.shared_parser import CACHE_HOME
from tests.shell.forks import LOCALE, ForkedCommand
from tokensh import sandbox
from tokensh.render.formats import FORMATS
from tokensh.render.manual import FOLDER

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
TOPICS = {path.stem: path.read_text("utf-8") for path in sorted(FOLDER.glob("*.md"))}


def find_fences(text: str) -> list[tuple[str, str]]:
    """Return the language and the text of each block of code."""
    return re.findall(r"^```(\w+(?: \w+)?)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


_README_FENCES = find_fences(README)
_FENCES = [fence for text in (README, *TOPICS.values()) for fence in find_fences(text)]
_SESSIONS = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
# A topic repeats some of README's: each runs once.
EXAMPLES = list(
    dict.fromkeys(example for language, text in _FENCES if language == "console" for example in _SESSIONS.findall(text))
)


FILES = {text.split()[1]: text for language, text in _FENCES if language == "sql" and text.startswith("-- ")}
"""What is shown with its file's name on top."""


_QUOTED = re.compile(r"""'[^']*'|"[^"$`\\]*\"""")
_NEEDS_SHELL = re.compile(r"[^\w\s./=:-]")
"""What a shell may give a meaning outside of quotes."""


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    for name, text in {"insert.sql": seed_statements.INSERT, **FILES}.items():
        (folder / name).write_text(text)
    variables = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "XDG_CACHE_HOME": str(CACHE_HOME),
        "LC_ALL": LOCALE,
    }
    if command.startswith("tokensh ") and not _NEEDS_SHELL.search(_QUOTED.sub("", command)):
        started = ForkedCommand(shlex.split(command)[1:], variables, folder)
        out, err = started.communicate()
        assert started.returncode is not None
        return subprocess.CompletedProcess(command, started.returncode, out.decode(), err.decode())
    return subprocess.run(
        command, shell=True, cwd=folder, env=variables, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize(("command", "shown"), EXAMPLES, ids=[command for command, _ in EXAMPLES])
def test_an_example_gives_what_it_shows(command: str, shown: str, tmp_path: Path) -> None:
    done = run(command, tmp_path)
    status = f"[exit {done.returncode}]\n" if done.returncode else ""
    if not shown:
        # What it mints differs each time.
        assert done.returncode == 0
        assert re.fullmatch(r"(note: .*\n|INSERT \d+\n)*", done.stderr)
        return
    days = (datetime.now(timezone.utc) + timedelta(days=90, seconds=offset) for offset in (-60, 0))
    assert done.stdout + done.stderr + status in [shown.replace("{in 90 days}", str(day.date())) for day in days]


def test_the_insert_that_is_shown_is_the_pages() -> None:
    assert f"{seed_statements.INSERT}\n" in [text for language, text in _FENCES if language == "sql"]


PROGRAMS = [text for language, text in _FENCES if language == "python"]
_PRINTED = re.compile(r"^ *print\(.*\)  # (.*)$", re.MULTILINE)


@pytest.mark.parametrize("program", PROGRAMS, ids=[text.split()[1] for text in PROGRAMS])
def test_a_python_example_prints_what_it_says(program: str, tmp_path: Path) -> None:
    for name in re.findall(r"^import (\w+)$", program, re.MULTILINE):
        pytest.importorskip(name, reason=f"needs {name}, which an extra installs")
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.stdout.splitlines(), done.stderr) == (_PRINTED.findall(program), "")


def test_every_output_format_is_listed() -> None:
    assert f"`-o {'|'.join(FORMATS)}`" in TOPICS["batches"]


def test_set_up_is_two_lines() -> None:
    first, *_, last = (text for language, text in _README_FENCES if language == "sh")
    assert first.count("\n") == last.count("\n") == 1
    assert "--sandbox" in first
    assert "-m pytest -n 6" in last


def test_readme_is_short_and_names_every_topic() -> None:
    assert README.count("\n") <= 180
    linked = re.findall(r"\]\(tokensh/manual/([\w-]+)\.md\)", README)
    assert sorted(linked) == sorted(TOPICS)
    between = {name: re.findall(r"\]\((\w+)\.md\)", text) for name, text in TOPICS.items()}
    assert not [(name, link) for name, links in between.items() for link in links if link not in TOPICS]


def test_the_pictures_are_there_ask_nobody_for_anything_and_show_no_secret() -> None:
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)
    assert pictures
    for path in pictures:
        drawn = (Path(__file__).parents[1] / path).read_text("utf-8")
        assert "tokensh" in drawn
        assert set(re.findall(r"https?://[^\"]*", drawn)) <= {"http://www.w3.org/2000/svg"}
        assert not re.search("dapi[0-9a-f]{8}", drawn)


def test_the_start_on_a_real_workspace_needs_two_variables_and_nothing_else(tmp_path: Path) -> None:
    (start,) = (
        text for language, text in _README_FENCES if language == "sh" and text.startswith("export DATABRICKS_HOST")
    )
    with sandbox.start(root="dbc-abcd0123-a1bc") as site:
        here = re.sub(r"(?<=DATABRICKS_HOST=)\S+", site.origin, start).replace("dapi...", site.token)
        done = run(here, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "| terraform ci " in done.stdout
    assert {entry.authorization for entry in site.log} == {f"Bearer {site.token}"}


# ---- what a scheduler runs


def _fences_of(language: str) -> list[str]:
    return [text for found, text in find_fences(TOPICS["audit"]) if found == language]


def test_the_line_of_cron_reports_what_expires(tmp_path: Path) -> None:
    (line,) = _fences_of("crontab")
    done = run(line.split("  ", 1)[1].replace("run expiring", "run --sandbox expiring"), tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "dbt production" in done.stdout


def test_the_workflow_fails_if_a_token_never_expires(tmp_path: Path) -> None:
    (text,) = _fences_of("yaml")
    workflow = yaml.safe_load(text)
    *_, last = workflow["jobs"]["never"]["steps"]
    summary = tmp_path / "summary"
    command = last["run"].replace("run never", "run --sandbox never")
    done = run(f"GITHUB_STEP_SUMMARY={summary}; {command}", tmp_path)
    assert done.returncode == 1
    assert "| terraform ci |" in summary.read_text()


def test_the_job_counts_findings(tmp_path: Path) -> None:
    (program,) = _fences_of("python job")
    script = tmp_path / "job.py"
    script.write_text(program.replace('"run",', '"run", "--sandbox",'))
    done = run(f"{sys.executable} {script}", tmp_path)
    assert re.fullmatch(r"\d+ findings, [1-9]\d* of them high, exit status 0\n", done.stdout), done.stderr
