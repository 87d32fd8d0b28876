"""Recipes: the jobs that people do with tokens, as scripts with a header that names their parameters.

A recipe is a file `NAME.sql` in this folder, or in the user's own (`recipes` beside config.toml), which goes first. `library` finds
and reads them, `rotation` is the job that takes more than statements.
"""
