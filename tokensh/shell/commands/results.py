r"""Commands that change settings: `\pset` for each of them, and the short names that psql and StackQL users know."""

from __future__ import annotations

from collections.abc import Mapping

from tokensh.render.formats import FORMATS
from tokensh.shell.commands.context import ShellContext
from tokensh.shell.commands.registry import MetaCommand, unquote
from tokensh.shell.settings import SETTINGS


def _set_setting(shell: ShellContext, argument: str) -> None:
    name, _, value = argument.partition(" ")
    if name and value:
        shell.settings.set(name, unquote(value.strip()))
        shell.apply_settings()
    for each in (name,) if name else SETTINGS:
        shell.console.note(shell.settings.describe(each))


def _declare_alias(name: str, argument: str, setting: str, help_: str) -> MetaCommand:
    r"""Return a command that is short for `\pset SETTING`; without a value it flips a switch and shows any other setting."""
    spec = SETTINGS[setting]

    def run(shell: ShellContext, value: str) -> None:
        if value or spec.is_switch:
            shell.settings.switch(setting, value)
        shell.console.note(shell.settings.describe(setting))

    return MetaCommand(name, argument, help_, "Results", run, arguments=lambda _: dict.fromkeys(spec.values, setting))


def _setting_words(_: ShellContext) -> Mapping[str, str]:
    """Return the names of settings with their values as a note, then each name with a value."""
    return {
        **{name: ", ".join(spec.values) or "a text" for name, spec in SETTINGS.items()},
        **{f"{name} {value}": "" for name, spec in SETTINGS.items() for value in spec.values},
    }


_FORMATS_HELP = f"choose how results look: {', '.join(FORMATS)}"

COMMANDS = (
    _declare_alias(r"\x", "[on|off|auto]", "expanded", "show one record per block"),
    _declare_alias(r"\format", "NAME", "format", _FORMATS_HELP),
    _declare_alias(r"\T", "NAME", "format", r"the same as \format"),
    _declare_alias(r"\rawtimes", "[on|off]", "times", "show times as epoch milliseconds"),
    _declare_alias(r"\timing", "[on|off]", "timing", "show the time below each result"),
    MetaCommand(
        r"\pset",
        "[NAME [VALUE]]",
        f"show or change settings: {', '.join(SETTINGS)}",
        "Results",
        _set_setting,
        arguments=_setting_words,
    ),
)
