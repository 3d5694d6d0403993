"""run.json: what a run is and what became of it, read and compared."""

import json
import platform
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import moralsc
from moralsc.errors import RunError

FORMAT = "moralsc run 1"
HEAD = "run.json"
_PARTS = {"complete": bool, "rows": int, "design": dict, "models": dict, "attempts": list}
"""What every head has."""
_LIBRARIES = ("torch", "transformers", "tokenizers", "numpy", "pyarrow")


def read_head(path: Path) -> dict[str, Any] | None:
    """What a folder's run.json says; None if there is none.

    Raises:
        RunError: it cannot be read, or is not of this program.
    """
    try:
        head = json.loads((path / HEAD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        its = f": {path.parent}" if (path.parent / HEAD).is_file() else ""
        raise RunError(f"{path} is a file and no run's folder. Name the folder{its}.") from None
    except (OSError, ValueError) as error:
        raise RunError(f"{path / HEAD} cannot be read: {error}.") from error
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise RunError(f"{path / HEAD} is not of this program's runs ({FORMAT}). Give another folder.")
    if lacking := [name for name, kind in _PARTS.items() if not isinstance(head.get(name), kind)]:
        raise RunError(
            f"{path / HEAD} is damaged: it lacks, or has of another type, {', '.join(lacking)}. Give another folder."
        )
    return head


def changes(head: Mapping[str, Any], identity: Mapping[str, Any]) -> list[str]:
    """What differs, part by part; the parts after the first one that differs may only follow from it."""
    parts = (differences(head.get(name), value, f"{name}.") for name, value in identity.items())
    return next((lines for lines in parts if lines), [])


def differences(before: Any, now: Any, name: str = "") -> list[str]:
    """A line for each value that is not the same."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        keys = dict.fromkeys((*before, *now))
        return [line for k in keys for line in differences(before.get(k), now.get(k), f"{name}{k}.")]
    return [] if before == now else [f"  {name.rstrip('.')}: {_said(before)} there, {_said(now)} now"]


def _said(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)


def another(path: Path, lines: Sequence[str]) -> RunError:
    """The folder holds another run; a line says each difference."""
    return RunError("\n".join((f"{path} holds another run. Give another folder, or the same settings:", *lines)))


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as they come back from a JSON file."""
    plain: dict[str, Any] = json.loads(json.dumps(values))
    return plain


def versions() -> dict[str, str]:
    """Of this program, of Python and of the libraries that figures hang on."""
    found = {"moralsc": moralsc.__version__, "python": platform.python_version()}
    for name in _LIBRARIES:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def now() -> str:
    """The time, in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")
