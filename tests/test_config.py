"""config.toml, as it is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.environments import make_environment
from tokensh import config
from tokensh.errors import InterfaceError


def read(tmp_path: Path, text: str | bytes) -> config.Config:
    path = tmp_path / "mine.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return config.read(make_environment(tmp_path, variables={"TOKENSH_CONFIG": str(path)}))


def test_without_a_file_there_is_nothing_set(tmp_path: Path) -> None:
    assert config.read(make_environment(tmp_path)) == config.Config()


def test_everything_it_may_say(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        'workspace = "dbc-1"\n[hosts]\nprod = "https://adb-1.2.azuredatabricks.net"\n'
        '[shell]\nformat = "csv"\nnull = "-"\npager = false\ntimes = "raw"\nexpanded = "auto"\n'
        "header = false\ntiming = true\nconfirm = true\nvi = true\n",
    )
    assert found.workspace == "dbc-1"
    assert found.hosts == {"prod": "https://adb-1.2.azuredatabricks.net"}
    assert found.shell.keys() == config.SHELL_SETTINGS.keys()


def test_it_is_found_in_the_config_folder(tmp_path: Path) -> None:
    folder = tmp_path / ".config" / "tokensh"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text('workspace = "dbc-2"\n')
    assert config.read(make_environment(tmp_path)).workspace == "dbc-2"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("workspac = 'x'", "unknown key workspac"),
        ("[shell]\ncolour = 'x'", "unknown key shell.colour"),
        ("[shell]\nvi = 'yes'", "shell.vi is 'yes', and should be a bool"),
        ("[shell]\nformat = 1", "shell.format is 1, and should be a str"),
        ("shell = 1", r"\[shell\] is a table of settings"),
        ("workspace = 1", "workspace is a deployment_name in quotes"),
        ("hosts = 1", r"\[hosts\] maps names to addresses"),
        ("[hosts]\nprod = 1", r"\[hosts\] maps names to addresses"),
        ("a = ", "cannot be read"),
        (b"a = '\xff'", "cannot be read"),
    ],
)
def test_what_nobody_knows_is_an_error_that_names_file_and_key(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(InterfaceError, match=message) as caught:
        read(tmp_path, text)
    assert "mine.toml" in caught.value.message


def test_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(InterfaceError, match="is not there"):
        config.read(make_environment(tmp_path, variables={"TOKENSH_CONFIG": "~/none.toml"}))
