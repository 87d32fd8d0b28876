"""Run the command line, for `python -m tokensh`."""

from __future__ import annotations

import sys

from tokensh.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
