"""Prefills: named openings of an answer, which a model continues.

They stand apart from the prompt set, whose own opening is one more choice, so that a set and the results made with it
stay as they are.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from moralsc.answers import ScoredBy
from moralsc.errors import choose
from moralsc.prompts.checker import Checker

OWN = "set"
"""The name of the prompt set's own opening."""


@dataclass(frozen=True)
class Opening:
    """The beginning of an answer, which the model continues.

    Attributes:
        prefill: name of the wording, OWN for that of the prompt set.
        text: what stands there.
        close: what ends an option's own words behind it; empty where the end of the turn does.
    """

    prefill: str
    text: str
    close: str = ""


@cache
def prefills() -> Mapping[str, Mapping[ScoredBy, Opening]]:
    """The named openings, by name and by what is scored behind them.

    Raises:
        PromptError: the file has an unknown, missing or wrong key.
    """
    content = resources.files(__package__).joinpath("prefills.toml").read_text(encoding="utf-8")
    return read_prefills(content, "prefills.toml")


def read_prefills(content: str, file: str) -> Mapping[str, Mapping[ScoredBy, Opening]]:
    """The openings of a file's text, see `prefills`."""
    check, found = Checker(file), dict[str, Mapping[ScoredBy, Opening]]()
    for name, table in tomllib.loads(content).items():
        if name == OWN:
            raise check.error(name, "this is the name of the prompt set's own opening.")
        check.table(name, table, required=("label", "text"), optional=("close",))
        close = check.text(f"{name}.close", table["close"]) if "close" in table else ""
        found[name] = {
            ScoredBy.LABEL: Opening(name, check.text(f"{name}.label", table["label"])),
            ScoredBy.TEXT: Opening(name, check.text(f"{name}.text", table["text"]), close),
        }
    return found


def names() -> tuple[str, ...]:
    """Every name that a setting may have, the prompt set's own first."""
    return (OWN, *prefills())


def check_prefill(name: str) -> str:
    """The name as it is; "" stands for the model's own.

    Raises:
        InputError: there is no such prefill.
    """
    return name and choose("prefill", name, names())
