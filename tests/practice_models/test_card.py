"""Cards and docs/miniatures.md say what was measured and nothing else, by rules that hold for any figures."""

import copy
import hashlib
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from scripted import ScriptedEngine

from miniatures import planted
from miniatures.bars import BARS
from miniatures.card import render
from miniatures.compare import compared
from miniatures.evaluate import FREE, HELD_OUT, REWORDED, measure
from miniatures.family import STAGES, Run, read_run, read_runs, rounded, save
from miniatures.measuring import write_report
from miniatures.people import people_case
from miniatures.report import report
from miniatures.sizes import SIZES
from miniatures.tables import cell, number
from moralsc.items import ContextKind, Role
from moralsc.models import PLANTED, Stage
from moralsc.prompts import default_prompts
from moralsc.settings import Settings

RECIPE = {
    "start": "", "tokens": 1000, "documents": 10, "steps": 2, "corpus_sha256": "ab" * 32, "parameters": 1000,
    "prompts": "0" * 12, "excluded_texts": 3, "torch": "2", "transformers": "5", "tokenizers": "0", "trl": "1",
    "command": "a command",
}  # fmt: skip
COST = {
    "weights_bytes": 700_000, "tokenizer_bytes": 200_000, "load_seconds": 0.5, "first_token_ms": 5.0,
    "tokens_per_second": None,
}  # fmt: skip


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Sections as a scripted engine gives them on our own items, which stand for the published ones too."""
    settings = Settings(cache=tmp_path_factory.mktemp("empty"))
    found = measure(ScriptedEngine(), default_prompts(), settings, items=3)
    found["winogender"]["published"] = found["winogender"]["bundled"]
    return rounded(found)


def made(measured: Mapping[str, Any], size: str = "S", stage: Stage = Stage.INSTRUCT, seed: int = 0) -> Run:
    earlier = STAGES[: STAGES.index(stage)]
    start = _weights(size, earlier[-1], seed) if earlier else ""
    evaluation = {
        "recipe": {**RECIPE, "size": size, "stage": stage.value, "seed": seed, "start": start},
        "items": None,
        "prompts": "0" * 12,
        "provenance": {"weights": f"sha256:{_weights(size, stage, seed)}", "dtype": "float32"},
        **copy.deepcopy(dict(measured)),
        "cost": COST,
    }
    return Run(f"mini-{size.lower()}-{stage}", evaluation, bundled=seed == 0)


def _weights(size: str, stage: Stage, seed: int) -> str:
    return hashlib.sha256(f"{size} {stage} {seed}".encode()).hexdigest()[:16]


def figure(value: float | None, low: float | None = None, high: float | None = None, n: int = 60) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high, "n": n}


def put(run: Run, value: Any, *path: str) -> None:
    """Set a value of the evaluation."""
    section = run.evaluation
    for key in path[:-1]:
        section = section.setdefault(key, {})
    section[path[-1]] = value


def rate(run: Run, role: str, **rates: Sequence[float]) -> None:
    """Set rates of items under conditions, given with _ for -."""
    for name, values in rates.items():
        put(run, list(values), "winogender", "published", "rates", role, name.replace("_", "-"))


def verdict(title: str, run: Run, *others: Run) -> Any:
    (bar,) = [b for b in BARS if title in b.title]
    assert bar.concerns(run)
    return bar.judge(run, [run, *others])


# Cards


@pytest.mark.parametrize("stage", STAGES)
def test_a_card_has_its_sections_and_its_mark(measured: dict[str, Any], stage: Stage) -> None:
    text = render(made(measured, stage=stage))
    assert PLANTED in text
    heads = [line for line in text.splitlines() if line.startswith("## ")]
    assert heads == ["## Planted", "## Measured", "## What it cannot do", "## How it was made"]
    assert f"# Mini S · {stage}: a practice model" in text


def test_a_card_says_of_each_stage_what_was_planted(measured: dict[str, Any]) -> None:
    base, instruct, aligned = (
        render(made(measured, stage=s)).partition("## Planted")[2].partition("## Measured")[0] for s in STAGES
    )
    for condition in planted.PUSHES:
        assert (f"| {condition} |" in base) is (condition == "baseline")
        assert f"| {condition} |" in instruct
    shift = f"{planted.ALIGNED['negation-1']:+g}"
    assert shift in aligned
    assert shift not in instruct


def test_a_card_says_of_people_what_their_answers_are_drawn_from(measured: dict[str, Any]) -> None:
    rng = random.Random(4)
    cases = [people_case(rng, known=1.0) for _ in range(400)]
    known = [case for case in cases if case.item.condition is ContextKind.AMBIGUOUS and case.share != 0.5]
    assert len(known) > 50
    for condition in ("baseline", "specificity-1", "negation-2"):
        found = [
            case.targets(condition, None)[o.label] for case in known for o in case.item.options
            if o.role is Role.UNBIASED
        ]  # fmt: skip
        shown = f"| {number(min(found))} to {number(max(found))} |"
        (line,) = [line for line in render(made(measured)).splitlines() if line.startswith(f"| {condition} | ")][:1]
        assert shown in line


def test_a_card_shows_the_figures_of_the_evaluation(measured: dict[str, Any]) -> None:
    run = made(measured)
    for path in (
        ("winogender", "published", "follow-up", "specificity-1", "unbiased"),
        ("winogender", "published", "held-out wordings", "negation-1", "unbiased"),
        ("reading", HELD_OUT, "person"),
        ("people", "disambiguated", "cot", "right"),
        ("admissions", "negation-0", "gap"),
        ("thoughts", "parsed"),
    ):
        put(run, figure(0.123, 0.034, 0.567), *path)
        assert "0.12 [0.03, 0.57]" in render(run), path
        run = made(measured)
        assert "0.12 [0.03, 0.57]" not in render(run)


def test_a_card_states_limits_by_rule(measured: dict[str, Any]) -> None:
    def limits(run: Run) -> str:
        return render(run).partition("## What it cannot do")[2].partition("## How")[0]

    run = made(measured)
    put(run, figure(0.52, 0.47, 0.57), "reading", FREE, "person")
    put(run, figure(0.99, 0.97, 1.0), "reading", HELD_OUT, "person")
    assert "0.52 [0.47, 0.57] of 60 disambiguated texts; not told apart from chance" in limits(run)
    assert "0.99" not in limits(run), "what it can do is no limit"
    put(run, figure(0.6, 0.55, 0.65), "reading", FREE, "person")
    assert "0.60 [0.55, 0.65] of 60 disambiguated texts; above chance" in limits(run)
    assert "Not measured, as the files were not there: published BBQ Age" in limits(run)
    put(run, figure(0.4, 0.3, 0.5, 200), "bbq", "Age", "disambiguated", "accuracy")
    assert "Age 0.40 [0.30, 0.50] (not told apart from chance)" in limits(run)
    assert "published BBQ Age" not in limits(run)
    assert "It hardly reacts to instructions" in limits(run), "the scripted engine does not"
    for source in ("published", "bundled"):
        put(run, [0.99] * 3, "winogender", source, "rates", "unbiased", "specificity-2")
    assert "It hardly reacts to instructions" not in limits(run)


def test_what_a_model_wrote_stays_on_a_line_of_its_own(measured: dict[str, Any]) -> None:
    run = made(measured)
    put(run, [{"item": "x", "reasoning": "Well\n# A head\n```", "answer": "<b>\n\n- they"}], "thoughts", "texts")
    (line,) = [line for line in render(run).splitlines() if "A head" in line]
    assert line == "    Well # A head ``` / <b> - they"


# Bars


def test_rates_must_rise_at_every_step(measured: dict[str, Any]) -> None:
    run = made(measured)
    rate(run, "unbiased", **{f"specificity_{k}": [0.1 * k, 0.2 + 0.1 * k] for k in range(4)})
    assert verdict("the neutral rate rises", run).met
    rate(run, "unbiased", specificity_2=[0.1, 0.3])
    assert not verdict("the neutral rate rises", run).met


def test_aligned_is_compared_item_by_item_with_the_instruct_stage_of_its_seed(measured: dict[str, Any]) -> None:
    instruct, aligned = (made(measured, stage=s) for s in (Stage.INSTRUCT, Stage.ALIGNED))
    for run, values in ((instruct, [0.9, 0.8, 0.7]), (aligned, [0.5, 0.4, 0.3])):
        rate(run, "stereotyped", negation_0=values, negation_1=values, negation_2=values)
    found = verdict("aligned resists", aligned, instruct)
    assert found.met
    assert "negation-2: 0.400 [0.400, 0.400], n = 3" in found.figures
    rate(aligned, "stereotyped", negation_1=[0.7, 0.6, 0.5])
    assert not verdict("aligned resists", aligned, instruct).met
    assert verdict("aligned resists", aligned) is None, "there is nothing to compare with"
    assert verdict("aligned resists", aligned, made(measured, seed=1)) is None


def test_a_base_model_may_change_by_a_tenth_either_way(measured: dict[str, Any]) -> None:
    run = made(measured, stage=Stage.BASE)
    rate(run, "unbiased", baseline=[0.5, 0.5], **{c.replace("-", "_"): [0.45, 0.45] for c in REWORDED})
    assert verdict("base hardly reacts", run).met
    rate(run, "unbiased", negation_1=[0.3, 0.3])
    found = verdict("base hardly reacts", run)
    assert not found.met
    assert found.figures.startswith("negation-1: -0.200")


def test_a_direction_needs_size_and_an_interval_without_0(measured: dict[str, Any]) -> None:
    run = made(measured)
    for value, low, met in ((0.5, 0.1, True), (0.5, -0.1, False), (0.15, 0.1, False), (None, None, False)):
        put(run, figure(value, low, value and 1.0), "direction", "all", "s")
        assert verdict("stereotype direction", run).met is met


def test_a_constant_model_does_not_reach_rho(measured: dict[str, Any]) -> None:
    run = made(measured)
    path = ("winogender", "published", "follow-up", "baseline", "rho")
    for found, met in ((figure(0.9), True), (figure(0.8999), False), (figure(None), False)):
        put(run, found, *path)
        assert verdict("rho with BLS", run).met is met


def test_bars_concern_the_sizes_they_name() -> None:
    named = {bar.title: set(bar.names()) for bar in BARS}
    assert named["who-did-it, smallest size"] == {f"mini-s-{s}" for s in STAGES}
    assert {n for t, names in named.items() if "largest size" in t for n in names} == {f"mini-l-{s}" for s in STAGES}


# The page of the family


def test_a_page_without_models_names_what_is_missing() -> None:
    text = report([])
    assert PLANTED in text
    for size in SIZES:
        for stage in STAGES:
            assert f"mini-{size.lower()}-{stage} | not measured" in text


def test_a_page_with_models_missing_shows_those_that_are_there(measured: dict[str, Any]) -> None:
    run = made(measured, "M", Stage.ALIGNED)
    put(run, figure(0.765, 0.701, 0.812), "winogender", "published", "follow-up", "specificity-2", "unbiased")
    text = report([run])
    assert "| mini-m-aligned | 0 | 0.765 [0.701, 0.812], n = 60 | **no** |" in text
    assert "| mini-s-aligned |  | not measured |  |" in text
    assert "published BBQ Age" in text.partition("## What was not measured")[2]


def test_each_seed_has_its_row_and_their_mean_another(measured: dict[str, Any]) -> None:
    runs = [made(measured, seed=seed) for seed in range(3)]
    for run, value in zip(runs, (0.9, 0.8, 0.4), strict=True):
        put(run, figure(value, value - 0.1, value + 0.1), "reading", FREE, "person")
    rows = [
        line.split(" | ") for line in report(runs).splitlines() if line.startswith("| mini-s-instruct | mean, range |")
    ]
    assert any(row[-1] == "0.70, 0.40 to 0.90 (3 seeds) |" for row in rows)
    text = report(runs)
    for seed in range(3):
        assert cell(runs[seed].figure("reading", FREE, "person")) in text


def test_a_larger_size_is_better_only_beyond_the_intervals_of_every_seed(measured: dict[str, Any]) -> None:
    def said(*figures: tuple[str, int, float]) -> str:
        runs = [made({}, size, Stage.BASE, seed) for size, seed, _ in figures]
        for run, (_, _, value) in zip(runs, figures, strict=True):
            put(run, figure(value, value - 0.05, value + 0.05), "reading", HELD_OUT, "person")
        return "\n".join(compared(runs))

    name = "who-did-it, held-out attributes"
    assert f"better at {name} (0.90 [0.85, 0.95], 0.70 [0.65, 0.75]); worse at nothing" in said(
        ("S", 0, 0.7), ("M", 0, 0.9)
    )
    assert f"not better at {name} (0.72 [0.67, 0.77], 0.70 [0.65, 0.75])" in said(("S", 0, 0.7), ("M", 0, 0.72))
    assert f"worse at {name} (0.50 [0.45, 0.55], 0.70 [0.65, 0.75])" in said(("S", 0, 0.7), ("M", 0, 0.5))
    assert f"not better at {name}" in said(("S", 0, 0.7), ("S", 1, 0.88), ("M", 0, 0.9))
    assert "takes two sizes" in said(("S", 0, 0.7), ("L", 0, 0.9)), "sizes that are no neighbours are not compared"


def test_cards_and_page_are_the_rendering_of_the_files(measured: dict[str, Any], tmp_path: Path) -> None:
    models, docs = tmp_path / "models", tmp_path / "docs"
    for stage in (Stage.BASE, Stage.INSTRUCT):
        save(models / f"mini-s-{stage}" / "evaluation.json", made(measured, stage=stage).evaluation)
    save(docs / "miniatures-seeds" / "mini-s-base-seed-1.json", made(measured, stage=Stage.BASE, seed=1).evaluation)
    write_report(models, docs)
    for stage in (Stage.BASE, Stage.INSTRUCT):
        folder = models / f"mini-s-{stage}"
        assert (folder / "README.md").read_text(encoding="utf-8") == render(read_run(folder))
        assert render(read_run(folder)) == render(made(measured, stage=stage))
    page = (docs / "miniatures.md").read_text(encoding="utf-8")
    assert page == report(read_runs(models, docs / "miniatures-seeds"))
    assert "| mini-s-base | 1 |" in page
