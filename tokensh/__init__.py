"""tokensh: an interactive SQL shell for Databricks personal access tokens."""

from __future__ import annotations

__version__ = "0.1.0"
