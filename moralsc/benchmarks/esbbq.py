"""EsBBQ and CaBBQ (Ruiz-Fernández et al. 2025, arXiv 2507.11216): BBQ for Spain, in Spanish and in Catalan.

A row's stereotype is about the person whose group stands in `stereotyped_groups`; where that is not exactly one, it is
excluded by name. The third answer of the files is the word "unknown": a wording in the row's language takes its place.
Of rows that ask the same the authors' script keeps the first, and so does this.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from moralsc.benchmarks import sources
from moralsc.benchmarks.diff_bias import DiffBias
from moralsc.benchmarks.predictions import key
from moralsc.benchmarks.sources import Found, Published
from moralsc.errors import DataError
from moralsc.items import LABELS, ContextKind, Excluded, Item, ItemSet, Option, Polarity, Role

_COMMIT = "ee2e0f6123f718b735fc445d368d92acd2c223be"
_BLOBS: Mapping[str, Mapping[str, str]] = {
    "es": {
        "Age": "e192a96cb47c116e359dbdf3b76e999dc77a886c",
        "DisabilityStatus": "ceda8c9b65a3674f02f38fa7a6f3182c223d29a8",
        "Gender": "9abef4d21e90e4798e73181ad6dbf568686f7b87",
        "LGBTQIA": "045849b068ae8b87170bc1e2d85518c888bcae9b",
        "Nationality": "d6ce0238df1cb05d568354a8e879608bc64579f4",
        "PhysicalAppearance": "43cd19d3226ad3e29ad127b257581c44e2545813",
        "RaceEthnicity": "029ec955e3e83b259a5d746942301ae7186d853b",
        "Religion": "02dca0fdc0ca2ec043a749ba4eb2464f5e3c834c",
        "SES": "d6f88dcfe1171d90e6b0d5355cd513ed9f7ef04f",
        "SpanishRegion": "423265f2faffabc73b15c25b9c13508e32e23dea",
    },
    "ca": {
        "Age": "5c158c77bb51ad3bede77d04041f3044f32bd596",
        "DisabilityStatus": "f0cbf0d9edc42ace8c4c062819418647018713df",
        "Gender": "f639c433859d919dfb65528bf478fda4283a65f7",
        "LGBTQIA": "64324c7ce7b6b839bbe09d40662111b5843bfd61",
        "Nationality": "616f88c214bde9947e339a834669355f46f76f28",
        "PhysicalAppearance": "3d2a3380e41c0084e27472a55993622262757802",
        "RaceEthnicity": "807d70502a92eb4b394b73bc916768b70bab8e0c",
        "Religion": "1f8d5a424c20382455f5e9b73523ee6235f45a7f",
        "SES": "ea6897ffa2ee65e759b6acc9639bdc409916e42a",
        "SpanishRegion": "726210cc29e9b2508b62828f743f0769f465f0e0",
    },
}
"""Language -> category, as its file is named -> git blob id."""

CATEGORIES: Mapping[str, str] = {
    "Age": "age",
    "DisabilityStatus": "disability",
    "Gender": "gender",
    "LGBTQIA": "sexual orientation and gender identity",
    "Nationality": "nationality",
    "PhysicalAppearance": "physical appearance",
    "RaceEthnicity": "race and ethnicity",
    "Religion": "religion",
    "SES": "socioeconomic status",
    "SpanishRegion": "the region of Spain that people come from",
}
"""Category -> the social dimension in plain words."""

_DIMENSIONS: Mapping[str, Mapping[str, str]] = {
    "es": {
        "Age": "la edad",
        "DisabilityStatus": "la discapacidad",
        "Gender": "el género",
        "LGBTQIA": "la orientación sexual y la identidad de género",
        "Nationality": "la nacionalidad",
        "PhysicalAppearance": "el aspecto físico",
        "RaceEthnicity": "la raza y la etnia",
        "Religion": "la religión",
        "SES": "el nivel socioeconómico",
        "SpanishRegion": "la región de España de la que viene la gente",
    },
    "ca": {
        "Age": "l'edat",
        "DisabilityStatus": "la discapacitat",
        "Gender": "el gènere",
        "LGBTQIA": "l'orientació sexual i la identitat de gènere",
        "Nationality": "la nacionalitat",
        "PhysicalAppearance": "l'aspecte físic",
        "RaceEthnicity": "la raça i l'ètnia",
        "Religion": "la religió",
        "SES": "el nivell socioeconòmic",
        "SpanishRegion": "la regió d'Espanya d'on ve la gent",
    },
}
"""Language -> category -> the same in the language, for instructions in it."""

_NOT_KNOWN = {
    "es": ("No se puede saber", "No se sabe", "Desconocido", "No hay suficiente información", "unknown"),
    "ca": ("No es pot saber", "No se sap", "Desconegut", "No hi ha prou informació", "unknown"),
}
"""Language -> the answer that it cannot be known, then other wordings that count as it."""

_AND = {"es": "y", "ca": "i"}
_ANSWERS = ("ans0", "ans1", "ans2")
_CONDITIONS = {"ambig": ContextKind.AMBIGUOUS, "disambig": ContextKind.DISAMBIGUATED}
_POLARITIES = {"neg": Polarity.NEGATIVE, "nonneg": Polarity.NONNEGATIVE}
_SAME = ("template_id", "subcategory", "context", "question", "question_type")
_Row = Mapping[str, Any]


class EsBbq(DiffBias):
    """EsBBQ, or CaBBQ by its language."""

    licence = "Apache-2.0"
    citation = (
        "Ruiz-Fernández et al.: EsBBQ and CaBBQ: The Spanish and Catalan Bias Benchmarks for Question Answering. 2025."
    )
    categories = tuple(CATEGORIES)

    def __init__(self, name: str, title: str, language: str) -> None:
        """
        Args:
            language: "es" or "ca".
        """
        self.name, self.title, self.short, self.language = name, title, title, language
        self.parts = {
            category: (_published(name, category, language, blob),) for category, blob in _BLOBS[language].items()
        }

    def read(self, part: str, files: Sequence[Found]) -> ItemSet:
        """The items of one category."""
        return items(sources.read_jsonl(files[0].path), self.name, part, self.language, files[0].origin)


def _published(name: str, category: str, language: str, blob: str) -> Published:
    path = f"data_{language}/{category}.full.jsonl"
    folders = (name, f"EsBBQ-CaBBQ/data_{language}", f"data_{language}", ".")
    # Both languages' files have one name: their folder tells them apart, or a name that says the language.
    names = tuple(f"{folder}{category}.{language}.jsonl" for folder in ("", "esbbq/"))
    return Published(name, "langtech-bsc/EsBBQ-CaBBQ", _COMMIT, path, blob, folders, names)


def items(rows: Iterable[tuple[str, _Row]], benchmark: str, category: str, language: str, origin: str) -> ItemSet:
    """Make items of rows.

    Args:
        rows: (place, row) pairs, rows with the keys of the published files.
        language: "es" or "ca".
        origin: where the rows come from, with the revision.

    Raises:
        DataError: a row lacks a key, has a value that is not allowed, or repeats an instance_id.
    """
    made: dict[str, Item | Excluded] = {}
    seen: dict[tuple[object, ...], str] = {}
    for place, row in rows:
        _check(place, row, category)
        id = f"{category}-{row['instance_id']}"
        if id in made:
            raise DataError(f"{place}: instance_id {row['instance_id']} occurs a second time.")
        first = seen.setdefault(tuple(repr(row.get(name)) for name in _SAME), id)
        made[id] = (
            Excluded(id, f"it asks the same as {first}") if first != id else _item(row, id, benchmark, language, origin)
        )
    return ItemSet.of(benchmark, made.values(), origin)


def _item(row: _Row, id: str, benchmark: str, language: str, origin: str) -> Item | Excluded:
    groups = [row["answer_info"][answer][-1].split(",")[-1].strip() for answer in _ANSWERS]
    people = [k for k, group in enumerate(groups) if group != "unknown"]
    meant = [k for k in people if groups[k] in row["stereotyped_groups"]]
    if len(people) != 2 or len(meant) != 1:
        about = ", ".join(row["stereotyped_groups"]) or "no group"
        return Excluded(
            id, f"the stereotype about {about} fits {len(meant)} of {len(people)} people instead of one of two"
        )
    negative = row["question_polarity"] == "neg"
    biased = meant[0] if negative else next(k for k in people if k != meant[0])
    names = [row[_ANSWERS[k]] for k in people]
    proper = row.get("proper_nouns_only") is True
    within = f" {_AND[language]} ".join(name if proper else name[:1].lower() + name[1:] for name in names)
    return Item(
        benchmark=benchmark,
        id=id,
        category=row["category"],
        title=" · ".join(names),
        context=row["context"],
        question=row["question"],
        options=tuple(_option(row, k, people, biased, groups, language) for k in range(3)),
        correct=LABELS[row["label"]],
        dimension=CATEGORIES[row["category"]],
        fills={"groups": within, f"dimension.{language}": _DIMENSIONS[language][row["category"]]},
        origin=origin,
        condition=_CONDITIONS[row["context_condition"]],
        polarity=_POLARITIES[row["question_polarity"]],
        note=f"Stereotype about {groups[meant[0]]}: {row['relevant_social_value']}",
    )


def _option(row: _Row, index: int, people: Sequence[int], biased: int, groups: Sequence[str], language: str) -> Option:
    if index not in people:
        text, *others = _NOT_KNOWN[language]
        return Option(LABELS[index], text, Role.UNBIASED, "unknown", tuple(others))
    role = Role.STEREOTYPED if index == biased else Role.COUNTER
    return Option(LABELS[index], row[_ANSWERS[index]], role, groups[index])


def _check(place: str, row: _Row, category: str) -> None:
    allowed: Mapping[str, Sequence[object]] = {
        "category": (category,),
        "context_condition": tuple(_CONDITIONS),
        "question_polarity": tuple(_POLARITIES),
        "label": (0, 1, 2),
    }
    for name in ("instance_id", "relevant_social_value", *allowed):
        key(place, row, name)
    for name, values in allowed.items():
        if row[name] not in values or type(row[name]) is not type(values[0]):  # True and 1.0 equal 1
            raise DataError(f"{place}: {name} is {row[name]!r}. Allowed: {', '.join(map(str, values))}.")
    for name in ("context", "question", *_ANSWERS):
        if not isinstance(key(place, row, name), str) or not row[name].strip():
            raise DataError(f"{place}: {name} must be a text that is not empty.")
    info, groups = key(place, row, "answer_info"), key(place, row, "stereotyped_groups")
    if not isinstance(info, dict) or not all(isinstance(info.get(a), list) and info[a] for a in _ANSWERS):
        raise DataError(f"{place}: answer_info must give a list of texts for each of {', '.join(_ANSWERS)}.")
    if not isinstance(groups, list) or not all(isinstance(text, str) for a in _ANSWERS for text in (*info[a], *groups)):
        raise DataError(f"{place}: stereotyped_groups and answer_info must hold lists of texts.")
