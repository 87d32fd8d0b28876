"""From a text and a cursor to suggestions; pure, without prompt_toolkit."""

from tokensh.complete.completer import Completer, complete
from tokensh.complete.model import Facts, Suggestion

__all__ = ["Completer", "Facts", "Suggestion", "complete"]
