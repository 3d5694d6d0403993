"""KoBBQ (Jin et al. 2024): BBQ for Korea, in Korean.

A row says itself which answer conforms to the stereotype (`biased_answer`). In the published files the right answer of
ambiguous rows is always the third one, and of disambiguated rows the first or the second by the kind of question: asked
in the files' own order, an answer's place and its meaning cannot be told apart, so runs should let orders go round.
"""

import ast
import re
from collections.abc import Iterable, Mapping, Sequence

from moralsc.benchmarks import sources
from moralsc.benchmarks.diff_bias import DiffBias
from moralsc.benchmarks.sources import Found, Published
from moralsc.errors import DataError
from moralsc.items import LABELS, ContextKind, Excluded, Item, ItemSet, Option, Polarity, Role

FILE = Published(
    "kobbq",
    "naver-ai/KoBBQ",
    "0dd165aeaaacd1bd46c63513a9b2e9875eb6dce7",
    "data/KoBBQ_test_samples.tsv",
    "ea97feba3c586f727aaf385928a79ade83d8d84b",
    folders=("kobbq", "KoBBQ/data", "data", "."),
)
CATEGORIES: Mapping[str, str] = {
    "age": "age",
    "disability_status": "disability",
    "domestic_area_of_origin": "the region of Korea that people come from",
    "educational_background": "educational background",
    "family_structure": "family structure",
    "gender_identity": "gender",
    "physical_appearance": "physical appearance",
    "political_orientation": "political orientation",
    "race_ethnicity_nationality": "race, ethnicity and nationality",
    "religion": "religion",
    "ses": "socioeconomic status",
    "sexual_orientation": "sexual orientation",
}
"""Category, as ids begin -> the social dimension in plain words."""

_DIMENSIONS: Mapping[str, str] = {
    "age": "나이",
    "disability_status": "장애",
    "domestic_area_of_origin": "출신 지역",
    "educational_background": "학력",
    "family_structure": "가족 형태",
    "gender_identity": "성별",
    "physical_appearance": "외모",
    "political_orientation": "정치 성향",
    "race_ethnicity_nationality": "인종, 민족과 국적",
    "religion": "종교",
    "ses": "사회경제적 지위",
    "sexual_orientation": "성적 지향",
}
"""The same in Korean, for instructions in it."""

_COLUMNS = ("sample_id", "context", "question", "choices", "biased_answer", "answer")
_ID = re.compile(r"([a-z_]+)-.+-(amb|dis)-(bsd|cnt)")
_NOT_KNOWN = ("알 수 없음", "알 수 없다", "알 수 없습니다", "모름")
_CONDITIONS = {"amb": ContextKind.AMBIGUOUS, "dis": ContextKind.DISAMBIGUATED}
_POLARITIES = {"bsd": Polarity.NEGATIVE, "cnt": Polarity.NONNEGATIVE}


class KoBbq(DiffBias):
    """KoBBQ's test set."""

    name = "kobbq"
    title = short = "KoBBQ"
    language = "ko"
    citation = "Jin et al.: KoBBQ: Korean Bias Benchmark for Question Answering. TACL 2024."
    licence = "MIT"
    categories = tuple(CATEGORIES)
    parts: Mapping[str, tuple[Published, ...]] = {"": (FILE,)}

    def read(self, part: str, files: Sequence[Found]) -> ItemSet:
        """The items of all categories."""
        return items(sources.read_table(files[0].path, "\t", _COLUMNS), files[0].origin)


def items(rows: Iterable[tuple[str, Mapping[str, str]]], origin: str) -> ItemSet:
    """Make items of rows.

    Args:
        rows: (place, row) pairs with the columns of the published files.
        origin: where the rows come from, with the revision.

    Raises:
        DataError: a value is not allowed, or a sample_id occurs twice.
    """
    made: dict[str, Item | Excluded] = {}
    for place, row in rows:
        if row["sample_id"] in made:
            raise DataError(f"{place}: sample_id {row['sample_id']} occurs a second time.")
        made[row["sample_id"]] = _item(place, row, origin)
    return ItemSet.of("kobbq", made.values(), origin)


def _item(place: str, row: Mapping[str, str], origin: str) -> Item | Excluded:
    id, choices = row["sample_id"], _choices(place, row["choices"])
    named = _ID.fullmatch(id)
    if named is None or named[1] not in CATEGORIES:
        raise DataError(
            f"{place}: sample_id is {id[:60]!r}. It must be CATEGORY-TEMPLATE-amb-bsd, or with dis and cnt."
        )
    category, context, asked = named.groups()
    people = [text for text in choices if text not in _NOT_KNOWN]
    if len(people) != 2:
        return Excluded(
            id, f"{len(choices) - len(people)} of {len(choices)} answers say that it is not known, instead of one"
        )
    if row["biased_answer"] not in people or row["answer"] not in choices:
        return Excluded(id, "the biased or the right answer is none of its choices")
    return Item(
        benchmark="kobbq",
        id=id,
        category=category,
        title=" · ".join(people),
        context=row["context"],
        question=row["question"],
        options=tuple(_option(LABELS[k], text, row["biased_answer"]) for k, text in enumerate(choices)),
        correct=LABELS[choices.index(row["answer"])],
        dimension=CATEGORIES[category],
        fills={"groups": ", ".join(people), "dimension.ko": _DIMENSIONS[category]},
        origin=origin,
        condition=_CONDITIONS[context],
        polarity=_POLARITIES[asked],
        note=f"With the stereotype: {row['biased_answer']}",
    )


def _option(label: str, text: str, biased: str) -> Option:
    if text in _NOT_KNOWN:
        return Option(label, text, Role.UNBIASED, "unknown", tuple(w for w in _NOT_KNOWN if w != text))
    return Option(label, text, Role.STEREOTYPED if text == biased else Role.COUNTER, text)


def _choices(place: str, text: str) -> list[str]:
    """The answers, which the file writes as a list in a text."""
    try:
        found = ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        found = None
    if (
        not isinstance(found, list)
        or not all(isinstance(t, str) and t for t in found)
        or not len(found) == len(set(found)) == 3
    ):
        raise DataError(f"{place}: choices is {text[:60]!r}. It must be a list of three different texts.")
    return found
