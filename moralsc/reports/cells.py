"""Values as cells of a CSV file that a spreadsheet may open."""

import json
from typing import Any

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Beginnings of a text that a spreadsheet would run (OWASP: CSV injection); an apostrophe before it stops that."""


def cell(value: Any) -> Any:
    """Lists and mappings as JSON, null empty, and no text a formula."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, tuple | dict) else value
