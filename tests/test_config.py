"""config.toml is read whole or refused: an error names the file and the key."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.environments import make_environment
from tokensh import config
from tokensh.api.profiles import config_file
from tokensh.errors import InterfaceError


def read(tmp_path: Path, text: str | bytes) -> config.Config:
    path = tmp_path / "mine.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return config.read(make_environment(tmp_path, variables={"TOKENSH_CONFIG": str(path)}))


def test_without_a_file_there_is_nothing_set(tmp_path: Path) -> None:
    assert config.read(make_environment(tmp_path)) == config.Config()


def test_every_setting_is_read(tmp_path: Path) -> None:
    loaded = read(
        tmp_path,
        'workspace = "dbc-1"\n[hosts]\nprod = "https://adb-1.2.azuredatabricks.net"\n'
        '[shell]\nformat = "csv"\nnull = "-"\npager = false\ntimes = "raw"\nprompt = "%n> "\nlinestyle = "square"\nborder = "1"\ntheme = "dark"\nexpanded = "auto"\n'
        'header = false\ntiming = true\nconfirm = true\nvi = true\n[colors]\npast = "bold #FF8787"\n',
    )
    assert loaded.workspace == "dbc-1"
    assert loaded.hosts == {"prod": "https://adb-1.2.azuredatabricks.net"}
    assert loaded.colours == {"past": "bold #FF8787"}
    assert loaded.shell.keys() == config.SHELL_SETTINGS.keys()


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    assert read(tmp_path, b'\xef\xbb\xbf[shell]\nborder = "1"\n').shell == {"border": "1"}


def test_it_is_found_in_the_config_folder(tmp_path: Path) -> None:
    folder = tmp_path / ".config" / "tokensh"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text('workspace = "dbc-2"\n')
    assert config.read(make_environment(tmp_path)).workspace == "dbc-2"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("workspac = 'x'", "unknown key 'workspac'"),
        ("[shell]\ncolour = 'x'", "unknown key 'shell.colour'"),
        ("[shell]\nvi = 'yes'", "invalid shell.vi: 'yes'; expected true or false"),
        ("[shell]\nformat = 1", "invalid shell.format: 1; expected a text in quotes"),
        ("shell = 1", "invalid shell: 1; expected a table"),
        ("workspace = 1", "invalid workspace: 1; expected a deployment_name in quotes"),
        ("hosts = 1", r"invalid \[hosts\]; expected names with addresses"),
        ("[hosts]\nprod = 1", r"invalid \[hosts\]; expected names with addresses"),
        ("a = ", "cannot read"),
        (b"a = '\xff'", "cannot read"),
    ],
)
def test_what_nobody_knows_is_an_error_that_names_file_and_key(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(InterfaceError, match=message) as caught:
        read(tmp_path, text)
    assert "mine.toml" in caught.value.message


@pytest.mark.parametrize("name", ["mine.toml", "./mine.toml", "~/home/../mine.toml", "~//mine.toml"])
def test_a_relative_path_is_one_of_the_current_folder(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "mine.toml").write_text('workspace = "dbc-1"')
    monkeypatch.chdir(tmp_path)
    home = tmp_path if name.startswith("~") else tmp_path / "home"
    environment = make_environment(home, variables={"TOKENSH_CONFIG": name, "DATABRICKS_CONFIG_FILE": name})
    assert config.read(environment).workspace == "dbc-1"
    assert config_file(environment).samefile(tmp_path / "mine.toml")


def test_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(InterfaceError, match=r"cannot read .*none\.toml: no such file"):
        config.read(make_environment(tmp_path, variables={"TOKENSH_CONFIG": "~/none.toml"}))
