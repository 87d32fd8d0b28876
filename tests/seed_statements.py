"""The statements and the manifest of StackQL's `user_tokens` page, byte for byte."""

from __future__ import annotations

import re

from tests.provider.seed_page import TEXT

_FENCES = re.findall(r"```(sql|yaml)\n(.*?)\n```", TEXT, re.DOTALL)
SELECT, INSERT, EXEC = (text for language, text in _FENCES if language == "sql")
(MANIFEST,) = (text for language, text in _FENCES if language == "yaml")
