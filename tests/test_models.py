"""The catalogue: every entry is complete and honest, and every mistake in the file is named."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from catalogues import HUB, LIMIT, MANY, NINE, mini, offering
from scripted import make_spec
from typer.testing import CliRunner

from miniatures.bars import BYTES
from moralsc import cli
from moralsc.engines.fit import MANY_CARDS, PLACES, runs_on
from moralsc.engines.weights import fingerprint
from moralsc.errors import InputError, ModelError
from moralsc.models import (
    ASSETS,
    PLANTED,
    ModelSpec,
    Precision,
    Stage,
    Template,
    catalogue,
    find,
    find_for,
    mark,
    read_catalogue,
)
from moralsc.models.axes import sizes
from moralsc.models.cards import read_card

TABLE = """
[tiny]
title = "Tiny"
family = "Toy"
parameters = 1000
stage = "base"
scored_by = "label"
licence = "MIT"
nature = "For tests."
path = "tiny"
sha256 = "0123456789abcdef"
bundled = true
"""
DISTANT = f"""{TABLE.split("path")[0]}
repo = "somebody/tiny"
revision = "{"0123456789" * 4}"
"""


@pytest.mark.parametrize("spec", catalogue().values(), ids=lambda spec: spec.name)
def test_every_model_says_what_it_is_and_lies_where_it_says(spec: ModelSpec) -> None:
    assert spec.nature.endswith(".")
    assert spec.title
    assert spec.parameters > 0
    if spec.bundled:
        assert (ASSETS / "models" / spec.path / "model.safetensors").is_file()
        assert PLANTED in spec.nature
    elif spec.package:
        assert spec.file_size > 0
        assert bool(spec.terms) == (spec.licence in HUB_LICENCES)
    else:
        assert re.fullmatch(r"[0-9a-f]{40}", spec.revision) or spec.unpinned.endswith(".")
        assert re.fullmatch(r"[\w.-]+/[\w.-]+", spec.repo)


DISTANT_MODELS = {name: spec for name, spec in catalogue().items() if spec.repo}


def test_the_models_of_the_hub_reach_from_100_million_to_70_billion_parameters() -> None:
    counts = sorted(spec.parameters for spec in DISTANT_MODELS.values())
    assert len(counts) >= 24
    assert counts[0] < 150_000_000
    assert counts[-1] > 68_000_000_000


def test_the_ladder_papers_sizes_are_there() -> None:
    counts = [spec.parameters / 1e9 for spec in DISTANT_MODELS.values()]
    for size in (0.355, 0.774, 1.0, 1.5, 3.8, 7.0, 13.0, 70.0):
        assert any(abs(count - size) <= 0.05 * size for count in counts), size


def test_families_isolate_alignment_at_a_fixed_size() -> None:
    stages = {key: [m.stage for m in size.models] for key, size in sizes(catalogue()).items()}
    assert stages["OLMo 2 7B"] == [Stage.BASE, Stage.PREFERENCE, Stage.RLVR]
    assert stages["Tülu 3 8B"] == [Stage.BASE, Stage.SFT, Stage.PREFERENCE, Stage.RLVR]
    assert stages["Zephyr 7B"] == [Stage.BASE, Stage.SFT, Stage.PREFERENCE]


def test_members_of_a_family_are_scored_in_one_way() -> None:
    ways: dict[str, set[str]] = {}
    for spec in DISTANT_MODELS.values():
        ways.setdefault(spec.family, set()).add(spec.scored_by)
    assert {family: way for family, way in ways.items() if len(way) > 1} == {}


def test_variants_of_one_repository_are_of_one_commit_and_count() -> None:
    facts: dict[str, set[tuple[object, ...]]] = {}
    for spec in DISTANT_MODELS.values():
        facts.setdefault(spec.repo, set()).add((spec.revision, spec.parameters, spec.stage, spec.gated, spec.licence))
    assert {repo: found for repo, found in facts.items() if len(found) > 1} == {}


HUB_LICENCES = {"gemma", "llama2", "llama3.1", "llama3.2"}  # the hub's names of licences that have no SPDX identifier


@pytest.mark.parametrize("spec", DISTANT_MODELS.values(), ids=lambda spec: spec.name)
def test_a_licence_is_known_or_left_open_and_one_of_its_makers_own_is_accepted_first(spec: ModelSpec) -> None:
    assert spec.licence in {"", "Apache-2.0", "MIT", *HUB_LICENCES}
    # What others made from such a model may be handed out freely, under the same licence.
    makers = spec.repo.startswith(("google/", "meta-llama/"))
    assert spec.gated or not makers or spec.licence not in HUB_LICENCES


@pytest.mark.parametrize(("licence", "shown"), [("", "see the hub"), ("MIT", "MIT")])
def test_a_licence_that_nobody_looked_up_is_told_in_words(licence: str, shown: str) -> None:
    with offering({HUB.name: replace(HUB, licence=licence)}):
        told = CliRunner().invoke(cli.app, ["models"])
    assert told.exit_code == 0, told.stderr
    (row,) = (line for line in told.stdout.splitlines() if line.startswith(f"{HUB.name} "))
    assert f"  {shown}  " in row
    assert "licence that is missing for a model of the hub was not looked up; the model card says it" in told.stdout


def test_the_smallest_machine_of_every_model_can_be_said() -> None:
    assert runs_on(find("smollm2-135m")) == PLACES[0][0]
    assert runs_on(find("llama-2-70b-chat")) == MANY_CARDS
    assert runs_on(find("olmo-2-7b")) == "GPU, 24 GB"


@pytest.mark.parametrize("spec", [s for s in catalogue().values() if s.bundled], ids=lambda spec: spec.name)
def test_the_version_of_a_bundled_model_is_that_of_its_weights(spec: ModelSpec) -> None:
    found = fingerprint(ASSETS / "models" / spec.path)
    assert spec.version == found, f'catalogue.toml, [{spec.name}]: write sha256 = "{found}"'


def test_bundled_models_together_stay_small() -> None:
    records = {"README.md", "evaluation.json", "training.json"}
    sizes = [f.stat().st_size for f in (ASSETS / "models").rglob("*") if f.is_file() and f.name not in records]
    assert 0 < sum(sizes) < BYTES


@pytest.mark.parametrize(
    ("parameters", "size"),
    [
        (350_000, "0.35M"),
        (1_200_000, "1.2M"),
        (135_000_000, "135M"),
        (999_885_952, "1B"),
        (3_800_000_000, "3.8B"),
        (70_000_000_000, "70B"),
    ],
)
def test_sizes_are_written_as_the_field_writes_them(parameters: int, size: str) -> None:
    spec = make_spec()
    assert ModelSpec(**{**vars(spec), "parameters": parameters}).size == size


def test_a_catalogue_is_read_as_it_stands() -> None:
    (spec,) = read_catalogue(TABLE).values()
    assert (spec.name, spec.path, spec.bundled, spec.version) == ("tiny", "tiny", True, "0123456789abcdef")
    (spec,) = read_catalogue(DISTANT).values()
    assert (spec.repo, spec.path, spec.bundled, spec.version) == ("somebody/tiny", "", False, "0123456789" * 4)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ('title = "Tiny"\n', "missing key 'title'"),
        ('family = "Toy"\n', "missing key 'family'"),
        ('licence = "MIT"\n', "missing key 'licence'"),
        ('path = "tiny"\n', "one of path"),
        ("bundled = true\n", "bundled must be true with path"),
        ('sha256 = "0123456789abcdef"\n', "sha256 is ''. It must be 16 hex digits"),
    ],
)
def test_what_is_missing_is_named(change: str, sentence: str) -> None:
    with pytest.raises(ModelError, match=rf"\[tiny\].*{sentence}"):
        read_catalogue(TABLE.replace(change, ""))


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('repo = "somebody/tiny"', "not several"),
        ("parametres = 3", "unknown key 'parametres'"),
        ("memory_mb = 3", "unknown key 'memory_mb'"),
        ('why_only = "So."', "only_for and why_only stand together or not at all"),
        ('only_for = ["bbq"]', "only_for and why_only stand together or not at all"),
        ('only_for = ["bqb"]\nwhy_only = "So."', "only_for names 'bqb'. Allowed: winogender, bbq, admissions"),
        ('only_for = "bbq"\nwhy_only = "So."', "only_for is 'bbq'. It must be a list of texts"),
        ('only_for = []\nwhy_only = "So."', "only_for is \\[\\]. It must be a list of texts that is not empty"),
        ('only_for = [1]\nwhy_only = "So."', "only_for is \\[1\\]. It must be a list of texts"),
        (f'revision = "{"0" * 40}"', "revision stands with repo alone"),
    ],
)
def test_what_is_too_much_is_named(line: str, sentence: str) -> None:
    with pytest.raises(ModelError, match=rf"\[tiny\].*{sentence}"):
        read_catalogue(TABLE + line)


def test_a_value_that_is_not_allowed_is_told_with_those_that_are() -> None:
    with pytest.raises(ModelError, match=r"\[tiny\].*'huge'.*Allowed: base, sft"):
        read_catalogue(TABLE.replace('"base"', '"huge"'))


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("1000", '"x"', "parameters is 'x'. It must be a whole number above 0"),
        ("1000", "true", "parameters is True. It must be a whole number"),
        ("1000", "1e3", "parameters is 1000.0. It must be a whole number"),
        ("1000", "-1", "parameters is -1. It must be a whole number above 0"),
        ('"Tiny"', "3", "title is 3. It must be a text"),
        ('"For tests."', '""', "nature is ''. It must be a text that is not empty"),
        ('"tiny"', "['tiny']", r"path is \['tiny'\]. It must be a text"),
        ("true", '"no"', "bundled is 'no'. It must be true or false"),
        ('"label"', "1", "scored_by is 1. Allowed: label, text"),
        ("0123456789abcdef", "0123", "sha256 is '0123'. It must be 16 hex digits"),
    ],
)
def test_a_value_of_another_kind_is_named_with_what_it_must_be(old: str, new: str, sentence: str) -> None:
    assert old in TABLE
    with pytest.raises(ModelError, match=rf"\[tiny\]: {sentence}"):
        read_catalogue(TABLE.replace(old, new))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ((f'revision = "{"0123456789" * 4}"', ""), "revision is ''. It must be 40 hex digits"),
        (("0123456789" * 4, "main"), "revision is 'main'. It must be 40 hex digits"),
        (("repo =", "bundled = true\nrepo ="), "bundled must be true with path, and left out with repo and package"),
        (("revision =", 'unpinned = "So."\nrevision ='), "unpinned says why repo has no revision"),
        (("repo =", 'gguf_file = "x.gguf"\nrepo ='), 'gguf_file and quantisation = "gguf" stand together'),
        (("repo =", 'quantisation = "gguf"\nrepo ='), 'gguf_file and quantisation = "gguf" stand together'),
        (("repo =", 'quantisation = "int3"\nrepo ='), "quantisation is 'int3'. Allowed: none, bitsandbytes-int8"),
        (("repo =", 'dtype = "unstated"\nrepo ='), "dtype is 'unstated'. Allowed: float32"),
        (('"base"', '"unknown"'), "stage is 'unknown'. Allowed: base"),
        (("repo =", "context = 0\nrepo ="), "context is 0. It must be a whole number above 0"),
        (("repo =", 'sha256 = "0123456789abcdef"\nrepo ='), "sha256 stands with path or package alone"),
    ],
)
def test_a_model_of_the_hub_has_a_full_commit_and_is_not_bundled(change: tuple[str, str], sentence: str) -> None:
    assert change[0] in DISTANT
    with pytest.raises(ModelError, match=rf"\[tiny\]: {sentence}"):
        read_catalogue(DISTANT.replace(*change))


def test_a_commit_that_nobody_looked_up_needs_a_reason() -> None:
    unpinned = DISTANT.replace(f'revision = "{"0123456789" * 4}"', 'unpinned = "Nobody could be asked."')
    (spec,) = read_catalogue(unpinned).values()
    assert (spec.revision, spec.version, spec.unpinned) == ("", "", "Nobody could be asked.")


def test_what_nobody_looked_up_of_a_model_of_the_hub_is_left_open() -> None:
    (spec,) = read_catalogue(DISTANT.replace('licence = "MIT"\n', "")).values()
    assert (spec.licence, spec.context, spec.dtype, spec.template) == ("", 0, Precision.UNSTATED, Template.UNSTATED)


def test_a_quantised_variant_is_another_model_of_its_stage() -> None:
    twin = DISTANT.replace("[tiny]", "[twin]").replace("repo =", 'quantisation = "bitsandbytes-nf4"\nrepo =')
    assert [spec.series for spec in read_catalogue(DISTANT + twin).values()] == [
        "Toy 0.001M",
        "Toy 0.001M bitsandbytes-nf4",
    ]


def test_a_model_that_is_no_table_is_named() -> None:
    with pytest.raises(ModelError, match=r"\[tiny\]: must be a table"):
        read_catalogue("tiny = 3")


def test_a_name_that_is_nearly_right_is_told_the_right_one() -> None:
    with pytest.raises(InputError, match="Did you mean 'mini-s-instruct'"):
        find("mini-s-instrukt")


# The two axes


def test_two_models_that_a_visitor_could_not_tell_apart_are_refused() -> None:
    with pytest.raises(ModelError, match=r"\[twin\]: Toy 0.001M at stage base is tiny already"):
        read_catalogue(TABLE + TABLE.replace("[tiny]", "[twin]"))
    for change in (('"base"', '"sft"'), ("1000", "2000"), ('"Toy"', '"Other"'), ("sha256", 'size_label = "T"\nsha256')):
        assert len(read_catalogue(TABLE + TABLE.replace("[tiny]", "[twin]").replace(*change))) == 2


def test_every_model_can_be_chosen_by_its_size_and_stage() -> None:
    for models in (MANY, catalogue()):
        reached = [m.name for size in sizes(models).values() for m in size.models]
        assert sorted(reached) == sorted(models)
        for spec in models.values():
            assert sizes(models)[spec.series].at(spec.stage) == spec


def test_sizes_stand_by_family_from_the_smallest_and_stages_from_the_least_aligned() -> None:
    backwards = dict(reversed(MANY.items()))
    assert list(sizes(MANY)) == ["Mini S", "Mini M", "Mini L", "Solo 135M"]
    assert list(sizes(backwards)) == ["Solo 135M", "Mini S", "Mini M", "Mini L"]
    assert [m.stage for m in sizes(backwards)["Mini S"].models] == ["base", "instruct", "aligned"]


def test_a_size_is_named_with_its_stage_where_there_is_but_one() -> None:
    titles = [size.title for size in sizes(MANY).values()]
    minis = ("Mini S · 0.35M", "Mini M · 1.2M", "Mini L · 2.1M")
    assert titles == [*(f"{size} · practice model" for size in minis), "Solo 135M · sft"]


@pytest.mark.parametrize(
    ("there", "wanted", "found"),
    [
        ("base instruct aligned", "instruct", "instruct"),
        ("base aligned", "instruct", "aligned"),
        ("base aligned", "sft", "base"),
        ("base instruct", "sft", "instruct"),
        ("sft", "aligned", "sft"),
        ("instruct aligned", "base", "instruct"),
    ],
)
def test_another_size_keeps_the_stage_or_takes_the_nearest(there: str, wanted: str, found: str) -> None:
    models = [mini("S", 1000, Stage(stage)) for stage in there.split()]
    assert sizes({m.name: m for m in models})["Mini S"].at(Stage(wanted)).stage == found


# Limits and the mark


@pytest.mark.parametrize(
    ("only_for", "said"),
    [
        (("winogender",), "items of Winogender only"),
        (("winogender", "bbq"), "items of Winogender and BBQ only"),
        (("winogender", "bbq", "own"), "items of Winogender, BBQ and your own only"),
    ],
)
def test_a_limited_model_is_asked_nothing_else_and_says_what_it_is_asked(only_for: tuple[str, ...], said: str) -> None:
    spec = replace(HUB, only_for=only_for, why_only=LIMIT)
    with offering({spec.name: spec}):
        assert all(find_for(spec.name, name) == spec for name in only_for)
        with pytest.raises(InputError, match=f"^Solo 135M is asked {said}. {LIMIT}$"):
            find_for(spec.name, "admissions")
        with pytest.raises(InputError, match="There is no model"):
            find_for("solo", "winogender")


def test_a_model_without_a_limit_is_asked_everything() -> None:
    assert all(HUB.why_not(name) == "" for name in ("winogender", "bbq", "admissions", "own"))


def test_the_mark_stands_with_bundled_models_alone() -> None:
    with offering(MANY):
        assert {mark(name) for name in NINE} == {PLANTED}
        assert mark(HUB.name) == mark("scripted") == ""


# Cards


@pytest.mark.parametrize("spec", [s for s in catalogue().values() if s.bundled], ids=lambda spec: spec.name)
def test_a_bundled_models_card_says_what_was_planted_measured_and_what_it_cannot_do(spec: ModelSpec) -> None:
    card = read_card(spec)
    assert card.startswith("# ")
    for heading in ("## Planted", "## Measured", "## What it cannot do"):
        assert heading in card


def test_a_card_is_given_without_its_front_matter_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("moralsc.models.cards.ASSETS", tmp_path)
    (tmp_path / "models/scripted").mkdir(parents=True)
    body = "# A card\n\n---\n\nrule: above\n\n---\n\nend\n"
    for text in (f"---\nlicense: x\n---\n\n{body}", body):
        (tmp_path / "models/scripted/README.md").write_text(text, encoding="utf-8")
        assert read_card(make_spec()) == body


def test_a_card_that_is_not_here_is_a_sentence() -> None:
    with pytest.raises(ModelError, match=r"The card of Scripted is missing: .*assets/models/scripted/README.md\.$"):
        read_card(make_spec())
    with pytest.raises(ModelError, match=r"The card of Solo 135M .* somebody/solo on the hub\.$"):
        read_card(HUB)
