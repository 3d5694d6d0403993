"""The catalogue by its two axes: the sizes of each family, and the alignment stages that exist at each size."""

from collections.abc import Mapping
from dataclasses import dataclass

from moralsc.models import ModelSpec, Stage

_STAGES = list(Stage)


@dataclass(frozen=True)
class Size:
    """One size of one family.

    Attributes:
        models: its members, a stage each, from the least to the most aligned; at least one.
    """

    models: tuple[ModelSpec, ...]

    @property
    def key(self) -> str:
        """What tells it from every other size: "Mini S"."""
        return self.models[0].series

    @property
    def title(self) -> str:
        """For the chooser: "Mini S · 0.63M · practice model"; with the stage where there is but one to choose."""
        first = self.models[0]
        more = [first.size] if first.size_label not in ("", first.size) else []
        more += [first.stage] if len(self.models) == 1 and first.stage is not Stage.UNKNOWN else []
        more += ["practice model"] if first.bundled else []
        return " · ".join((self.key, *more))

    def at(self, stage: Stage) -> ModelSpec:
        """The member of this stage, else of the nearest one; of two as near, the one whose training went further."""
        wanted = _STAGES.index(stage)
        places = {m.name: _STAGES.index(m.stage) for m in self.models}
        return min(self.models, key=lambda m: (abs(places[m.name] - wanted), -places[m.name]))


def sizes(models: Mapping[str, ModelSpec]) -> dict[str, Size]:
    """Key -> size: families in the order of the models, each from its smallest size to its largest.

    Of a family, sizes that would be downloaded stand apart from those that need not be.
    """
    families = list(dict.fromkeys((m.family, m.repo != "") for m in models.values()))
    series: dict[str, list[ModelSpec]] = {}
    for spec in sorted(models.values(), key=lambda m: (families.index((m.family, m.repo != "")), m.parameters)):
        series.setdefault(spec.series, []).append(spec)
    return {key: Size(tuple(sorted(s, key=lambda m: _STAGES.index(m.stage)))) for key, s in series.items()}
