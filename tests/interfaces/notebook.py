"""A notebook, as IPython runs it."""

from __future__ import annotations

from typing import Any

from tests import ledger


class Notebook:
    """Cells and what they leave."""

    def __init__(self) -> None:
        from IPython.core.interactiveshell import InteractiveShell  # noqa: PLC0415 (where there is one)
        from traitlets.config import Config  # noqa: PLC0415

        config = Config({"HistoryManager": {"enabled": False}})
        self.shell = InteractiveShell.instance(config=config)
        self.shell.reset()

    def cell(self, text: str) -> Any:
        """Return the value of a cell that must not fail."""
        done = self.shell.run_cell(text, store_history=True)
        self._tell_ledger()
        done.raise_error()
        return done.result

    def failing(self, text: str) -> BaseException:
        """Return the error of a cell that must fail."""
        done = self.shell.run_cell(text)
        self._tell_ledger()
        assert done.error_in_exec is not None
        return done.error_in_exec  # type: ignore[no-any-return]

    def _tell_ledger(self) -> None:
        """Tell the ledger which new values the user of the notebook can reach after a cell."""
        if kept := ledger.current():
            kept.see([secret.reveal() for secret in self.shell.user_ns.get("tokensh_values", [])])

    def shown(self, value: Any) -> dict[str, str]:
        """Return what a notebook's file stores of a value, by MIME type."""
        data, _ = self.shell.display_formatter.format(value)
        return data  # type: ignore[no-any-return]
