"""Turn rows into text, and errors into the lines a user reads.

`formats` is the table of output formats and `render`, `options` says how a result is to look, and `deliver` writes a result
so that a new token is not lost. This package imports nothing by itself: `--help` reads the names of the formats.
"""
