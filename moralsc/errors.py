"""Errors whose message a visitor may read.

Every sentence says what was wrong and what is allowed; the page and the command line show it as it is.
Anything else that is raised is a bug and is shown as one.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class MoralscError(Exception):
    """Base of every error whose message is meant for the person at the keyboard."""


class DataError(MoralscError):
    """A benchmark file is missing, damaged, or has a line that cannot be read."""


class MissingData(DataError):
    """There are no such items here; the sentence says how to get them."""


class PromptError(MoralscError):
    """A prompt set has an unknown key, or a missing or surplus placeholder."""


class InputError(MoralscError):
    """Something that a person typed or chose is not allowed."""


class ModelError(MoralscError):
    """A model cannot be found, loaded, or asked this question."""


class RunError(MoralscError):
    """A run's folder is in use, cannot be written, or belongs to another run."""


class EngineLost(ModelError):
    """The model cannot be asked any more, whatever it is asked: its server is gone, or refuses all of it."""


class PromptTooLong(ModelError):
    """The rendered dialogue does not fit the model's context."""


def choose(kind: str, name: str, allowed: Iterable[str], listed: str = "") -> str:
    """Return `name` if it is one of `allowed`, else raise InputError with the nearest one and the list.

    Args:
        listed: a sentence on where the list stands, in place of a long one.
    """
    names = [str(a) for a in allowed]
    if name in names:
        return name
    given = name if len(name) <= 60 else name[:60] + "..."
    near = get_close_matches(given, names, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    shown = ", ".join(names[:40]) + (f" and {len(names) - 40} more" if len(names) > 40 else "")
    raise InputError(f"There is no {kind} {given!r}.{hint} {listed or f'Allowed: {shown}.'}")
