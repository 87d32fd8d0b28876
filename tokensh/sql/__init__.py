"""Text to tree: split, fill placeholders, parse, print."""
