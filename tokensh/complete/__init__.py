"""Text and cursor to suggestions; pure, no prompt_toolkit."""

from tokensh.complete.completer import Completer, complete
from tokensh.complete.model import Facts, Listed, Suggestion

__all__ = ["Completer", "Facts", "Listed", "Suggestion", "complete"]
