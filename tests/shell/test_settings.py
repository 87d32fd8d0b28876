"""Every setting can be changed and shown by name, in config.toml and in the shell."""

from __future__ import annotations

import pytest

from tests.cases import each_case
from tokensh.config import SHELL_SETTINGS
from tokensh.errors import InterfaceError
from tokensh.shell.settings import SETTINGS, Settings


@each_case(
    ("name", "word", "attribute", "value"),
    [
        ("format", "json", "format", "json"),
        ("null", "(none)", "null", "(none)"),
        ("prompt", "%n> ", "prompt", "%n> "),
        ("linestyle", "rounded", "linestyle", "rounded"),
        ("border", "1", "border", 1),
        ("theme", "mono", "theme", "mono"),
        ("pager", "off", "pager", False),
        ("times", "raw", "raw_times", True),
        ("expanded", "auto", "expanded", "auto"),
        ("expanded", "on", "expanded", True),
        ("header", "off", "header", False),
        ("timing", "off", "timing", False),
        ("confirm", "off", "confirm", False),
        ("vi", "on", "vi", True),
    ],
)
def test_a_setting_is_changed_by_a_word_and_shown_as_one(name: str, word: str, attribute: str, value: object) -> None:
    settings = Settings()
    settings.set(name, word)
    assert getattr(settings, attribute) == value
    assert settings.get(name) == word


@pytest.mark.parametrize(
    ("name", "word", "message"),
    [
        ("formt", "csv", "unknown setting 'formt'"),
        ("format", "xlsx", "invalid format: 'xlsx'"),
        ("timing", "maybe", "invalid timing: 'maybe'"),
    ],
)
def test_what_is_no_setting_or_no_word_is_refused(name: str, word: str, message: str) -> None:
    with pytest.raises(InterfaceError, match=message):
        Settings().set(name, word)


@each_case(
    ("name", "value", "words"),
    [
        ("timing", "", ["off", "on"]),
        ("expanded", "", ["on", "off"]),
        ("expanded", "auto", ["auto", "auto"]),
        ("times", "", ["raw", "readable"]),
        ("times", "ON", ["raw", "raw"]),
        ("timing", "off", ["off", "off"]),
    ],
)
def test_a_switch_is_set_or_turned_to_its_other_value(name: str, value: str, words: list[str]) -> None:
    settings = Settings()
    for word in words:
        settings.switch(name, value)
        assert settings.get(name) == word


def test_config_toml_takes_every_setting_in_its_own_type() -> None:
    settings = Settings()
    settings.apply_config(
        {"format": "csv", "timing": False, "vi": True, "null": "-", "times": "raw", "expanded": "off"}
    )
    assert (settings.format, settings.timing, settings.vi, settings.null) == ("csv", False, True, "-")
    assert settings.raw_times
    assert settings.expanded is False


def test_an_error_in_config_toml_names_the_key() -> None:
    with pytest.raises(InterfaceError, match=r"shell\.format in config\.toml: invalid format: 'xlsx'"):
        Settings().apply_config({"format": "xlsx"})


def test_colours_of_config_toml_are_checked_and_an_error_names_the_table() -> None:
    settings = Settings()
    settings.apply_colours({"past": "Bold #FF8787"})
    assert settings.colours == {"past": "bold #ff8787"}
    with pytest.raises(InterfaceError, match=r"\[colors\] in config\.toml: invalid style of soon: 'yelow'"):
        settings.apply_colours({"soon": "yelow"})


def test_config_toml_and_the_shell_have_the_same_settings() -> None:
    assert SHELL_SETTINGS.keys() == SETTINGS.keys()
