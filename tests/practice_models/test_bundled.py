"""The bundled miniatures: each loads, its card says what was measured, and what was measured is what it does."""

import json
from functools import cache
from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from miniatures.asking import ask, follow
from miniatures.card import render
from miniatures.family import Run, read_run, read_runs
from miniatures.report import report
from miniatures.rows import by_role
from miniatures.sizes import STAGES, folder
from moralsc.benchmarks import BENCHMARKS, Source, load
from moralsc.engines.base import Engine
from moralsc.engines.local import LocalEngine
from moralsc.items import Item, Role
from moralsc.models import ASSETS, PLANTED, ModelSpec, Stage, catalogue
from moralsc.prompts import default_prompts
from moralsc.settings import Settings

GOLDEN = Path(__file__).parent / "golden"
MODELS, DOCS = ASSETS / "models", ASSETS.parent / "docs"
BUNDLED = {spec.name: spec for spec in catalogue().values() if spec.bundled}
TAUGHT = [spec for spec in BUNDLED.values() if spec.stage is not Stage.BASE]
PROMPTS = default_prompts()
OURS = ("winogender", "bundled")
ITEMS = 12

each = pytest.mark.parametrize("spec", BUNDLED.values(), ids=BUNDLED)
each_taught = pytest.mark.parametrize("spec", TAUGHT, ids=[spec.name for spec in TAUGHT])


@cache
def engine(spec: ModelSpec) -> Engine:
    return LocalEngine.load(spec, device="cpu")


def recorded(spec: ModelSpec) -> Run:
    return read_run(MODELS / spec.path)


def sentences(run: Run) -> list[Item]:
    """The first of the sentences that were measured."""
    found = {i.id: i for i in load("winogender", Settings.from_env({}), Source.BUNDLED).items}
    return [found[id] for id in run.at(*OURS, "items")[:ITEMS]]


def rate(run: Run, condition: str) -> float:
    found = run.figure(*OURS, "follow-up", condition, "unbiased")
    assert found is not None
    assert found.value is not None
    return found.value


@each
def test_plain_transformers_loads_it(spec: ModelSpec) -> None:
    model = AutoModelForCausalLM.from_pretrained(MODELS / spec.path)
    assert model.config.model_type == "llama"
    assert model.num_parameters() == spec.parameters
    assert model.config.max_position_embeddings >= 1024


@each
def test_only_a_base_model_has_no_chat_template(spec: ModelSpec) -> None:
    tokenizer = AutoTokenizer.from_pretrained(MODELS / spec.path)
    assert bool(tokenizer.chat_template) is (spec.stage is not Stage.BASE)
    if tokenizer.chat_template:
        messages = [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "Answer:"}]
        text = tokenizer.apply_chat_template(messages, tokenize=False, continue_final_message=True)
        assert text == "<|user|>Who?<|end|><|assistant|>Answer:"


@each
def test_its_records_are_of_these_weights_and_of_this_training(spec: ModelSpec) -> None:
    run = recorded(spec)
    assert run.at("provenance", "weights") == f"sha256:{spec.sha256}"
    assert run.recipe == json.loads((MODELS / spec.path / "training.json").read_text(encoding="utf-8"))
    assert (run.stage, run.recipe["parameters"]) == (spec.stage, spec.parameters)
    assert run.at("items") is None, "measured in full"


@each
def test_each_stage_began_with_the_one_before(spec: ModelSpec) -> None:
    recipe = recorded(spec).recipe
    stage = STAGES.index(spec.stage)
    if stage == 0:
        assert recipe["start"] == ""
        return
    before = catalogue()[folder(recipe["size"], STAGES[stage - 1])]
    assert recipe["start"] == before.sha256
    own, earlier = ((MODELS / s.path / "tokenizer.json").read_text(encoding="utf-8") for s in (spec, before))
    assert own == earlier


@each
def test_its_card_is_written_from_its_evaluation(spec: ModelSpec) -> None:
    text = (MODELS / spec.path / "README.md").read_text(encoding="utf-8")
    assert text == render(recorded(spec))
    assert PLANTED in text


@each
def test_the_recorded_figures_are_what_it_does(spec: ModelSpec) -> None:
    run = recorded(spec)
    first = ask(engine(spec), sentences(run), PROMPTS)
    made = {"baseline": first}
    for name in ("specificity-2", "negation-1"):
        (made[name],) = follow(engine(spec), first, [PROMPTS.correction(name)], PROMPTS, replies=0)
    for name, asked in made.items():
        for role in (Role.UNBIASED, Role.STEREOTYPED):
            known = run.at(*OURS, "rates", role.name.lower(), name)[:ITEMS]
            assert by_role(asked, role) == pytest.approx(known, abs=2e-3), (name, role)


@each
def test_option_probabilities_are_those_on_record(spec: ModelSpec, request: pytest.FixtureRequest) -> None:
    """To 1e-4, on items of every benchmark that it is offered for; `pytest --update-golden` writes them anew."""
    found = {}
    for name, benchmark in BENCHMARKS.items():
        if spec.why_not(name) or not benchmark.bundles:
            continue
        items = load(name, Settings.from_env({}), Source.BUNDLED).items
        first = ask(engine(spec), items[:: len(items) // 3][:3], PROMPTS)
        corrections = [PROMPTS.correction(id) for id in ("specificity-1", "negation-1")]
        for column in (first, *follow(engine(spec), first, corrections, PROMPTS, replies=0)):
            for asked in column:
                found[f"{asked.item.id} {asked.turn.correction}"] = asked.score.probabilities
    path = GOLDEN / f"{spec.name}.json"
    if request.config.getoption("--update-golden"):
        path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    golden = json.loads(path.read_text(encoding="utf-8"))
    assert set(found) == set(golden)
    for question, probabilities in found.items():
        assert probabilities == pytest.approx(golden[question], abs=1e-4), question


@each
def test_it_answers_a_sentence_with_an_option_and_nothing_else(spec: ModelSpec) -> None:
    found = recorded(spec).figure(*OURS, "follow-up", "baseline", "exact")
    assert found is not None
    assert found.reaches(0.95)


@each_taught
def test_instructions_move_it_as_planted(spec: ModelSpec) -> None:
    run = recorded(spec)
    assert rate(run, "baseline") < rate(run, "specificity-0") < rate(run, "specificity-2")
    if spec.stage is Stage.INSTRUCT:
        assert rate(run, "negation-1") < rate(run, "baseline")


@each_taught
def test_a_chain_of_thought_ends_in_sentences_of_its_own(spec: ModelSpec) -> None:
    first = ask(engine(spec), sentences(recorded(spec))[:3], PROMPTS)
    (made,) = follow(engine(spec), first, [PROMPTS.correction("cot")], PROMPTS, replies=0)
    for asked in made:
        reasoning = asked.turn.exchanges[0].reply
        assert reasoning.startswith(" ")
        assert reasoning.endswith(".")
        assert 2 <= reasoning.count(".") <= 4


def test_the_page_of_the_family_is_written_from_the_evaluations() -> None:
    text = (DOCS / "miniatures.md").read_text(encoding="utf-8")
    runs = read_runs(MODELS, DOCS / "miniatures-seeds")
    assert text == report(runs)
    assert PLANTED in text
    assert {run.name for run in runs if run.bundled} == {spec.path for spec in BUNDLED.values()}
