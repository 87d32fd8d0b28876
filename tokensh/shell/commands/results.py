r"""Commands that change settings: `\pset` for each of them, and the short names that psql and StackQL users know."""

from __future__ import annotations

from collections.abc import Mapping

from tokensh.render.formats import FORMATS
from tokensh.shell.commands.arguments import Arguments
from tokensh.shell.commands.context import ShellContext
from tokensh.shell.commands.registry import MetaCommand
from tokensh.shell.settings import SETTINGS


def _change_setting(shell: ShellContext, arguments: Arguments) -> None:
    name, rest = arguments.split()
    if rest.line:
        shell.settings.set(name, rest.value())
        shell.apply_settings()
    for each in (name,) if name else SETTINGS:
        shell.console.note(shell.settings.describe(each))


def _declare_alias(name: str, argument: str, setting: str, help_: str, words: Mapping[str, str]) -> MetaCommand:
    r"""Return a command that is short for `\pset SETTING`; without a value it flips a switch and shows any other setting.

    Args:
        name: of the command.
        argument: as help writes it.
        setting: the name in `SETTINGS`.
        help_: one line.
        words: what completion offers, each with a note.
    """

    def run(shell: ShellContext, arguments: Arguments) -> None:
        value = arguments.value()
        if value or SETTINGS[setting].is_switch:
            shell.settings.switch(setting, value)
        shell.console.note(shell.settings.describe(setting))

    return MetaCommand(name, argument, help_, "Results", run, arguments=lambda _: words)


def _setting_words(_: ShellContext) -> Mapping[str, str]:
    """Return the names of settings with their values as a note, then each name with a value."""
    return {
        **{name: ", ".join(spec.values) or "a text" for name, spec in SETTINGS.items()},
        **{f"{name} {value}": "" for name, spec in SETTINGS.items() for value in spec.values},
    }


_ON_OFF = {"on": "", "off": ""}
_EXPANDED = {**_ON_OFF, "auto": "if the terminal is too narrow for a table"}
_FORMATS = {name: output_format.description for name, output_format in FORMATS.items()}

COMMANDS = (
    _declare_alias(r"\x", "[on|off|auto]", "expanded", "show one record per block", _EXPANDED),
    _declare_alias(r"\format", "NAME", "format", f"choose how results look: {', '.join(FORMATS)}", _FORMATS),
    _declare_alias(r"\T", "NAME", "format", r"the same as \format", _FORMATS),
    _declare_alias(r"\rawtimes", "[on|off]", "times", "show times as epoch milliseconds", _ON_OFF),
    _declare_alias(r"\timing", "[on|off]", "timing", "show the time below each result", _ON_OFF),
    MetaCommand(
        r"\pset",
        "[NAME [VALUE]]",
        f"show or change settings: {', '.join(SETTINGS)}",
        "Results",
        _change_setting,
        arguments=_setting_words,
    ),
)
