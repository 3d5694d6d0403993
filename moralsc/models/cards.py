"""A model's card: the README.md beside a bundled model's weights."""

import re

from moralsc.errors import ModelError
from moralsc.models import ASSETS, ModelSpec


def read_card(spec: ModelSpec) -> str:
    """The card's Markdown, without the front matter that hubs read.

    Raises:
        ModelError: it has no card here; the sentence says where one may be.
    """
    if not spec.bundled or spec.address:
        raise ModelError(f"The card of {spec.title} is not part of this program: {_elsewhere(spec)}.")
    try:
        text = (ASSETS / "models" / spec.path / "README.md").read_text(encoding="utf-8")
    except OSError as error:
        raise ModelError(
            f"The card of {spec.title} is missing: there is no assets/models/{spec.path}/README.md."
        ) from error
    return re.sub(r"\A---\n.*?\n---\n+", "", text, flags=re.DOTALL)


def _elsewhere(spec: ModelSpec) -> str:
    if spec.address:
        return "ask whoever serves it"
    if spec.package:
        return f"see the page of its package, {spec.package[0].partition('==')[0]}"
    return f"see {spec.repo} on the hub" if spec.repo else "it may lie beside the weights"
