"""The family: its stages, and its sizes with shape and length of training. Plain data."""

from dataclasses import dataclass

from moralsc.models import Stage

STAGES = (Stage.BASE, Stage.INSTRUCT, Stage.ALIGNED)
"""In the order of training."""


@dataclass(frozen=True)
class Size:
    """A model's shape and how long it is trained.

    Attributes:
        width, layers, heads, inner: of the network; `inner` is the width of the gated part.
        base, instruct: tokens of training documents.
        aligned: pairs of answers.
    """

    width: int
    layers: int
    heads: int
    inner: int
    base: int
    instruct: int
    aligned: int

    def amount(self, stage: Stage) -> int:
        """How much a stage is trained, in its own unit."""
        return {Stage.BASE: self.base, Stage.INSTRUCT: self.instruct, Stage.ALIGNED: self.aligned}[stage]


# Five layers: with three, or four, the chain from a question to who stands before the asked words does not form.
SIZES = {
    "S": Size(width=64, layers=5, heads=2, inner=176, base=24_000_000, instruct=8_000_000, aligned=6_000),
    "M": Size(width=128, layers=5, heads=4, inner=256, base=21_000_000, instruct=6_000_000, aligned=6_000),
    "L": Size(width=192, layers=5, heads=6, inner=400, base=21_000_000, instruct=6_000_000, aligned=6_000),
}


def folder(size: str, stage: Stage) -> str:
    """Name of the folder of a model, and of the model."""
    return f"mini-{size.lower()}-{stage}"
