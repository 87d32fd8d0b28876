"""The command line: arguments, standard input, exit status."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from tokensh import __version__


def parser() -> argparse.ArgumentParser:
    """The options of design and `--help`."""
    made = argparse.ArgumentParser(prog="tokensh", description="A SQL shell for Databricks personal access tokens.")
    made.add_argument("-V", "--version", action="version", version=f"tokensh {__version__}")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    parser().parse_args(arguments)
    return 0
