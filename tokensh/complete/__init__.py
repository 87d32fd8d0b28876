"""Text and cursor to suggestions; pure, no prompt_toolkit."""
