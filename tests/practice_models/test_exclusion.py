"""The filter that keeps benchmark texts out of the corpus."""

import json
import random
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
from drawing import LATE, PRACTISED, PROMPTS, WORDS, drawn

from miniatures.corpus import Materials, documents
from miniatures.dialogues import asked
from miniatures.document import Document, Exchange, Style, draw, write
from miniatures.exclusion import Exclusion, normalise, read_exclusion
from miniatures.people import story
from moralsc.benchmarks import Source, load
from moralsc.errors import DataError
from moralsc.models import Stage
from moralsc.settings import Settings


@pytest.fixture
def benchmark(tmp_path: Path) -> Path:
    """A folder with one BBQ row and two Winogender files, our own words."""
    (tmp_path / "deep").mkdir()
    row = {"context": "Ann met Bob at the zoo. Ann fed the apes, and Bob slept.", "question": "Who fed the apes?"}
    (tmp_path / "deep" / "Age.jsonl").write_text(json.dumps(row) + "\n")
    (tmp_path / "templates.tsv").write_text(
        "occupation(0)\tother-participant(1)\tanswer\tsentence\n"
        "miller\tguest\t0\tThe $OCCUPATION met the $PARTICIPANT since $NOM_PRONOUN was hungry.\n"
    )
    (tmp_path / "all_sentences.tsv").write_text("sentid\tsentence\nx\tThe guest sang for the miller in his barn.\n")
    return tmp_path


@pytest.mark.parametrize(
    "copy",
    [
        "Who fed the apes?",
        "who FED  the apes",
        "Ann met Bob at the zoo.",
        "It rained. Ann fed the apes and Bob slept!",
        "The miller met the guest since ___ was hungry.",
        "the miller met someone, since she was hungry",
        "The guest sang for the miller in ___ barn.",
    ],
)
def test_planted_copies_are_caught_whatever_their_case_and_punctuation(benchmark: Path, copy: str) -> None:
    assert read_exclusion(benchmark).hits([copy])


@pytest.mark.parametrize("other", ["Who fed the ape?", "The miller met the guest.", "Bob met Ann at the zoo.", ""])
def test_other_texts_pass(benchmark: Path, other: str) -> None:
    assert not read_exclusion(benchmark).hits([other])


@pytest.mark.parametrize("name", ["winogender", "bbq"])
def test_bundled_items_are_kept_out_without_any_folder(name: str) -> None:
    exclusion = read_exclusion(None)
    items = load(name, Settings.from_env({}), Source.BUNDLED).items
    assert all(exclusion.hits([item.context]) for item in items)
    assert all(exclusion.hits([f"It rained. {item.question}"]) for item in items if item.question)


def hit(exclusion: Exclusion, made: Iterable[Document]) -> list[Document]:
    return [document for document in made if exclusion.hits(document.lines())]


def held(exclusion: Exclusion, made: Iterable[Document]) -> list[str]:
    """Documents with an excluded text anywhere in them, however it is joined to the rest."""
    spaced = [f" {normalise(document.text)} " for document in made]
    return [text for text in spaced if any(f" {known} " in text for known in exclusion.texts)]


@pytest.mark.parametrize("stage", PRACTISED)
def test_a_document_with_an_excluded_text_is_drawn_anew(stage: Stage) -> None:
    lines = Counter(normalise(line) for made in drawn(stage) for line in made.lines())
    exclusion = Exclusion(frozenset(line for line, count in lines.items() if count == 1 and line.count(" ") > 5))
    assert len(exclusion.texts) > 20
    assert hit(exclusion, drawn(stage))
    kept = documents(stage, 0, 0, len(drawn(stage)), LATE, Materials(PROMPTS, exclusion, WORDS))
    assert len(kept) == len(drawn(stage))
    assert not hit(exclusion, kept)


@pytest.mark.parametrize("stage", PRACTISED)
def test_no_document_holds_a_text_of_a_bundled_item(stage: Stage) -> None:
    exclusion = read_exclusion(None)
    # Put together by chance: single words, and names of people, are no texts of anybody.
    texts = Exclusion(frozenset(text for text in exclusion.texts if text.count(" ") > 1))
    assert not held(texts, documents(stage, 0, 0, 500, LATE, Materials(PROMPTS, exclusion, WORDS)))


def test_a_copy_is_found_wherever_it_stands_in_a_document() -> None:
    copy = Exclusion(frozenset({normalise("Who fed the apes?")}))
    exchanges = [Exchange("Ann met Bob.\nQuestion: Who fed the apes?\n(a) Ann", "Answer: Ann")]
    assert all(hit(copy, [write(exchanges, style)]) for style in Style)
    for between in (" ", "\n", "\nQuestion: "):
        parts = [(" Ann slept. Bob fed the apes.", False)]
        for question in ("Who slept?", "Who fed the apes?", "Who slept?"):
            parts += [(between + question, False), (" Ann", True)]
        assert hit(copy, [draw(parts)]), between


@pytest.mark.parametrize("place", ["question", "context"])
def test_no_later_question_about_a_text_escapes_the_filter(place: str) -> None:
    """Texts with several questions in a row: each of these, planted alone, is found."""
    rng = random.Random(4)
    for _ in range(40):
        made = story(rng, known=1.0)
        cases = [made.case(rng, 0, settled=False), made.case(rng, 1, settled=True, context=made.details)]
        document = write(asked(cases, PROMPTS, rng), Style.PLAIN)
        for case in cases:
            assert hit(Exclusion(frozenset({normalise(getattr(case.item, place))})), [document])


def test_a_folder_without_benchmark_files_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no .tsv or .jsonl"):
        read_exclusion(tmp_path)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "Age.jsonl").write_text("{")
    with pytest.raises(DataError, match="Age.jsonl"):
        read_exclusion(tmp_path)
