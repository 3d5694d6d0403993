"""MBBQ (Neplenbroek et al. 2024): one part of BBQ in English, Spanish, Dutch and Turkish, with a control set of each.

Rows have BBQ's keys and are read as BBQ's. In the control set names stand in place of the groups, so that there is
nothing to be biased about: its accuracy says how well a model answers such questions in the language at all. It is
never pooled with the others. No licence is stated, so that files are read from a person's folder alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from moralsc.analysis.results import Result
from moralsc.benchmarks import bbq, sources
from moralsc.benchmarks.base import Part
from moralsc.benchmarks.diff_bias import DiffBias
from moralsc.benchmarks.sources import Found, Published
from moralsc.items import Excluded, Item, ItemSet

CATEGORIES = ("Age", "Disability_status", "Gender_identity", "Physical_appearance", "SES", "Sexual_orientation")
LANGUAGES: Mapping[str, str] = {"en": "English", "es": "Spanish", "nl": "Dutch", "tr": "Turkish"}
CONTROL = "control"


def _is_control(category: str) -> bool:
    return category.endswith(f"_{CONTROL}")


def _part(context: Part, controlled: bool) -> Part:
    """The items of a context, of the control set or of the others."""

    def holds(r: Result) -> bool:
        return context.holds(r) and _is_control(r.group) is controlled

    return Part(CONTROL if controlled else context.group, context.context, holds)


class Mbbq(DiffBias):
    """MBBQ in one language."""

    citation = (
        "Neplenbroek, Bisazza and Fernández: MBBQ: A Dataset for Cross-Lingual Comparison of Stereotypes. COLM 2024."
    )
    licence = "none stated: read from your folder, never shipped or downloaded"
    categories = (*CATEGORIES, *(f"{category}_{CONTROL}" for category in CATEGORIES))
    compared = tuple(_part(context, controlled) for controlled in (False, True) for context in bbq.MICRO_PARTS)

    def __init__(self, language: str) -> None:
        """
        Args:
            language: a key of LANGUAGES.
        """
        self.name, self.language = f"mbbq_{language}", language
        self.title = self.short = f"MBBQ in {LANGUAGES[language]}"
        self.parts = {category: (_file(self.name, category, language),) for category in self.categories}

    def read(self, part: str, files: Sequence[Found]) -> ItemSet:
        """The items of one category, or of its control set."""
        read = bbq.items(sources.read_jsonl(files[0].path), part.removesuffix(f"_{CONTROL}"), files[0].origin)
        return replace(
            read,
            benchmark=self.name,
            items=tuple(self._of(part, item) for item in read.items),
            excluded=tuple(Excluded(_id(part, row.id), row.reason) for row in read.excluded),
        )

    def _of(self, part: str, item: Item) -> Item:
        groups = ", ".join(option.text for option in item.options if option.group != bbq.UNKNOWN)
        return replace(
            item, benchmark=self.name, id=_id(part, item.id), category=part, note="", fills={"groups": groups}
        )


def _id(part: str, id: str) -> str:
    return f"{part}-{id.partition('-')[2]}"


def _file(name: str, category: str, language: str) -> Published:
    return Published(name, "", "", f"{category}_{language}.jsonl", "", folders=("mbbq", "MBBQ/data", "data", "."))
