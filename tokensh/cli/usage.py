"""Errors of the command line in tokensh's own words: what is wrong, and what was probably meant."""

from __future__ import annotations

import argparse
import os

from tokensh.errors import InterfaceError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

STACKQL_COMMANDS = ("exec", "shell", "registry", "srv", "mcp", "help")
"""The commands of StackQL's spelling."""
OWN_COMMANDS = ("mcp", "serve", "srv", "reveal")
"""The commands that come first and have options of their own, besides `run`."""
_HELP_HINT = "tokensh --help lists the options"


class UsageParser(argparse.ArgumentParser):
    """argparse's parser, which raises InterfaceError where argparse prints its usage and exits."""

    def error(self, message: str) -> NoReturn:
        """Raise InterfaceError for a mistake that argparse found."""
        raise InterfaceError(message.removeprefix("argument "), hint=_HELP_HINT)

    def parse_args(  # type: ignore[override] # the overloads for a namespace of the caller's are not needed
        self, args: Sequence[str] | None = None, namespace: None = None
    ) -> argparse.Namespace:
        """Return the options. Raises InterfaceError; SystemExit for --help and --version."""
        options, unknown = self.parse_known_args(args, namespace)
        self.refuse_unknown(unknown)
        return options

    def parse_intermixed_args(  # type: ignore[override] # the same
        self, args: Sequence[str] | None = None, namespace: None = None
    ) -> argparse.Namespace:
        """Return the options, with positional arguments anywhere among them. Raises InterfaceError."""
        options, unknown = self.parse_known_intermixed_args(args, namespace)
        self.refuse_unknown(unknown)
        return options

    def refuse_unknown(self, words: Sequence[str]) -> None:
        """Raise InterfaceError for the first of the words that no option takes."""
        if not words:
            return
        word = words[0]
        if word.startswith("-") and len(word) > 1:
            from tokensh.text import nearest_word  # noqa: PLC0415 (needed only after a mistake)

            flag = word.partition("=")[0]
            near = nearest_word(flag, [f for f in self._option_string_actions if len(f) > 2])
            raise InterfaceError(f"unknown option {flag!r}", hint=f"did you mean {near}?" if near else _HELP_HINT)
        raise InterfaceError(f"unexpected argument {word!r}", hint=_hint_for_argument(word, words[1:]))


def _hint_for_argument(word: str, others: Sequence[str]) -> str:
    """Return what to write for a statement or a file that stands alone, as in sqlite3, duckdb and usql."""
    if word.lower().endswith((".sql", ".iql")) or (" " not in word and os.path.isfile(word)):  # noqa: PTH113 (pathlib takes 3 ms)
        return f"write -f {word} to run a file"
    if " " in word or (others and word.isalpha()):
        return "write -c 'SQL' to run statements"
    if word.lower() in ("version", "help"):
        return f"write --{word.lower()}"
    return f"write -c 'SQL' to run statements, -f FILE to run a file, -w {word} for a workspace"


def choice_of(kind: str, choices: Sequence[str]) -> Callable[[str], str]:
    """Return a `type` for argparse that takes one of several words, and names the likeliest if it gets another one."""

    def convert(text: str) -> str:
        if text in choices:
            return text
        from tokensh.text import nearest_word  # noqa: PLC0415 (needed only after a mistake)

        near = nearest_word(text, choices)
        hint = f"did you mean {near}?" if near else f"it is one of {', '.join(choices)}"
        raise InterfaceError(f"unknown {kind} {text!r}", hint=hint)

    return convert
