"""Check that ~/.databrickscfg is read as the Databricks CLI reads it, and that a bad profile spoils only itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases import each_case
from tests.environments import make_environment, write_profiles
from tokensh import config
from tokensh.api import ini, profiles
from tokensh.api.profiles import Profile
from tokensh.errors import CredentialError

HOST = "https://dbc-1.cloud.databricks.com"


def read(home: Path, text: str) -> dict[str, Profile]:
    write_profiles(home, text)
    return {profile.name: profile for profile in profiles.read(make_environment(home))}


@each_case(
    ("line", "value"),
    [
        ("key = a # comment", "a"),
        ("key = a ; comment", "a"),
        ("key = a#b;c", "a#b;c"),
        ('key = "a b"', "a b"),
        ("key = 'a'", "a"),
        ("key = \"a'", "\"a'"),
        ('key = "a" "b"', '"a" "b"'),
        ("key: a", "a"),
        ("  key = a", "a"),
        ("KEY = a", "a"),
        ("key =", ""),
        ("key = a=b", "a=b"),
        ("key = a%b", "a%b"),
        ("key = a\\\n  b", "ab"),
        ("key = a\nkey = b", "b"),
        ("key = a\r", "a"),
    ],
)
def test_a_value_is_what_the_cli_takes_it_for(line: str, value: str) -> None:
    (section,) = ini.parse(f"[s]\n{line}\n")
    assert (section.settings, section.problem) == ({"key": value}, "")


@each_case(
    ("text", "names"),
    [
        ("[a]\nx = 1\n[b]\n[a]\ny = 2\n", ["a", "b"]),
        ("x = 1\n[a]\n", ["DEFAULT", "a"]),
        ("x = 1\n[DEFAULT]\ny = 2\n", ["DEFAULT"]),
        ("\ufeff[a]\nx = 1\n", ["a"]),
        ("# c\n; c\n[a] ; c\n", ["a"]),
        ("[a]b]\n", ["a]b"]),
        ("", []),
    ],
)
def test_a_section_that_comes_twice_is_one(text: str, names: list[str]) -> None:
    assert [section.name for section in ini.parse(text)] == names
    assert not any(section.problem for section in ini.parse(text))


@pytest.mark.parametrize(
    "written",
    [
        HOST,
        f"{HOST} # dev workspace",
        f'"{HOST}"',
        "HTTPS://DBC-1.cloud.databricks.com",
        f"{HOST}/#workspace/Users",
        f"{HOST}/?o=12#notebook/3",
        f"{HOST}:443/",
        "dbc-1.cloud.databricks.com",
    ],
)
def test_a_host_is_read_in_every_spelling(written: str, tmp_path: Path) -> None:
    assert read(tmp_path, f"[dev]\nhost = {written}\ntoken = t\n")["dev"].origin == HOST


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        ("secret-without-a-key", "line 3: it is neither a setting (key = value) nor a [section] nor a comment"),
        ("= secret", "line 3: no key stands before the '='"),
        ("host = http://dbc-1.cloud.databricks.com", "its host http://dbc-1.cloud.databricks.com is not https"),
        ("host = https://user:secret@dbc-1.cloud.databricks.com", "its host dbc-1.cloud.databricks.com is not a plain"),
        ("token = t", "it has no host"),
    ],
)
def test_a_bad_profile_spoils_only_itself(bad: str, problem: str, tmp_path: Path) -> None:
    found = read(tmp_path, f"[good]\n[bad]\n{bad}\n[other]\nhost = {HOST}\n")
    assert found["bad"].describe_host().startswith(problem)
    assert "secret" not in found["bad"].describe_host()
    assert found["other"].origin == HOST
    assert found["other"].describe_host() == ""


def test_a_section_that_is_not_closed_is_a_bad_profile() -> None:
    bad, good = ini.parse("[bad\nx = 1\n[good]\n")
    assert bad.problem == "line 1: the name of the section has no ']' at its end"
    assert not good.problem


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_told(encoding: str, tmp_path: Path) -> None:
    write_profiles(tmp_path, "")
    (tmp_path / ".databrickscfg").write_bytes(f"[a]\nhost = {HOST}\n".encode(encoding))
    with pytest.raises(CredentialError, match="it is in UTF-16"):
        profiles.read(make_environment(tmp_path))


def test_another_encoding_spoils_its_own_profile(tmp_path: Path) -> None:
    write_profiles(tmp_path, "")
    text = f"# M\xfcller\n[a]\ntoken = \xe4\n[b]\nhost = {HOST}\n"
    (tmp_path / ".databrickscfg").write_bytes(text.encode("latin-1"))
    a, b = profiles.read(make_environment(tmp_path))
    assert (a.problem, b.problem) == ("line 3: it is not text in UTF-8", "")


def test_the_default_profile_is_the_one_that_the_settings_name(tmp_path: Path) -> None:
    text = "[DEFAULT]\nhost = x.cloud.databricks.com\n[b]\n[__settings__]\ndefault_profile = b\n"
    write_profiles(tmp_path, text)
    default = profiles.default_profile(make_environment(tmp_path))
    assert default is not None
    assert default.name == "b"


def test_paths_of_variables_are_relative_to_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    home = tmp_path / "home"
    for text, path in (("ci/x", Path("ci/x")), ("~/x", home / "x"), ("/x", Path("/x"))):
        environment = make_environment(home, variables={"DATABRICKS_CONFIG_FILE": text, "TOKENSH_CONFIG": text})
        assert profiles.config_file(environment) == config.config_path(environment) == path
