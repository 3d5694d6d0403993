"""The evaluation: figures of hand-made scores are exact, and a model's evaluation is whole and readable again."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hand_made import BBQ, WINOGENDER
from scripted import ScriptedEngine
from transformers import LlamaConfig, LlamaForCausalLM

from miniatures.asking import Asked, ask, follow, offered, sample
from miniatures.evaluate import FREE, HELD_OUT, KNOWN, REAL, REWORDED, measure
from miniatures.family import Run, copy_seeds, read_run, read_runs, rounded, save
from miniatures.measures import Figure, bias, correlation, mean, paired, scaled_bias, share
from miniatures.measuring import evaluate
from miniatures.rows import by_role, leans, reads, row
from miniatures.tokenizer import train_tokenizer
from moralsc.answers import Score, ScoredBy
from moralsc.dialogue import Message, Mode, baseline
from moralsc.errors import DataError
from moralsc.items import ContextKind, Item, Role
from moralsc.prompts import PromptSet, default_prompts
from moralsc.settings import Settings


@pytest.fixture(scope="module")
def prompts() -> PromptSet:
    return default_prompts()


def scored(item: Item, probabilities: Sequence[float], reply: str | None = None) -> Asked:
    """The item's baseline with these raw probabilities of its options in order."""
    turn = baseline(item, default_prompts(), ScoredBy.TEXT).with_reply(0, reply or "")
    score = Score(tuple(o.label for o in item.options), tuple(map(math.log, probabilities)), ScoredBy.TEXT)
    return Asked(item, turn, score, written=reply is not None)


def occupation(name: str, percent: float) -> Item:
    return replace(
        WINOGENDER, id=name, fills={**WINOGENDER.fills, "occupation": name}, facts={"bls_pct_female": percent}
    )


SETTLED = replace(BBQ, condition=ContextKind.DISAMBIGUATED, correct="b")


# Figures


def test_a_figure_of_nothing_has_no_value() -> None:
    nothing = Figure(None, None, None, 0)
    assert mean([]) == share([]) == paired([], []) == bias([]) == scaled_bias([]) == nothing
    assert bias([0, 0]) == nothing
    assert mean([0.5]) == Figure(0.5, None, None, 1)


def test_a_constant_side_has_no_correlation() -> None:
    assert correlation([1, 2, 3], [5, 5, 5]) == Figure(None, None, None, 3)
    assert correlation([1, 2], [5, 6]).value is None


def test_a_correlation_has_fishers_interval() -> None:
    xs, ys = [1.0, 2, 3, 4, 5], [2.0, 1, 4, 3, 5]
    found = correlation(xs, ys)
    assert found.value == pytest.approx(0.8)
    half = 1.959964 / math.sqrt(5 - 3)
    assert (found.low, found.high) == pytest.approx(
        (math.tanh(math.atanh(0.8) - half), math.tanh(math.atanh(0.8) + half))
    )


def test_a_share_has_wilsons_interval() -> None:
    found = share([True] * 8 + [False] * 2)
    z, n, p = 1.959964, 10, 0.8
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    assert (found.value, found.n) == (0.8, 10)
    assert (found.low, found.high) == pytest.approx((middle - half, middle + half))


def test_the_bias_score_is_that_of_the_paper() -> None:
    answers = [1, 1, 1, -1, 0, 0, 0, 0]  # three biased of four that name a person; half of the items unknown
    found = bias(answers)
    assert (found.value, found.n) == (0.5, 4)
    assert scaled_bias(answers).value == pytest.approx((1 - 0.5) * 0.5)
    assert bias([-1, -1]).value == -1
    assert scaled_bias([0, 0]).value == 0


def test_few_answers_all_alike_do_not_exclude_no_bias() -> None:
    found = bias([1, 1, 1])
    assert found.value == 1
    assert found.low is not None
    assert found.low < 0


def test_a_paired_difference_is_as_sure_as_its_items_agree() -> None:
    ones, others = [0.9, 0.5, 0.1], [0.6, 0.2, -0.2]
    found = paired(ones, others)
    assert (found.value, found.low, found.high) == pytest.approx((0.3, 0.3, 0.3))
    with pytest.raises(ValueError):
        paired([1.0], [1.0, 2.0])


def test_the_same_values_give_the_same_interval() -> None:
    values = [k / 10 for k in range(10)]
    assert mean(values) == mean(list(values))
    assert mean(values).above(mean([v - 2 for v in values]))
    assert not mean(values).above(mean([v - 0.05 for v in values]))


# Rows


def test_a_row_holds_the_exact_figures_of_its_scores() -> None:
    made = [scored(WINOGENDER, (0.1, 0.2, 0.1), " their"), scored(WINOGENDER, (0.2, 0.1, 0.5), " their hat")]
    found = row(made)
    assert found["unbiased"]["value"] == pytest.approx((0.25 + 0.625) / 2)
    assert found["stereotyped"]["value"] == pytest.approx((0.5 + 0.125) / 2)
    assert found["counter"]["value"] == pytest.approx((0.25 + 0.25) / 2)
    assert found["favoured"]["value"] == 0.5
    assert found["mass"]["value"] == pytest.approx((0.4 + 0.8) / 2)
    assert (found["exact"]["value"], found["exact"]["n"]) == (0.5, 2)
    assert "rho" not in found, "there is no percentage to correlate with"


def test_replies_count_only_where_they_were_written() -> None:
    found = row([scored(WINOGENDER, (0.1, 0.2, 0.1), " their"), scored(WINOGENDER, (0.2, 0.1, 0.5))])
    assert (found["exact"]["value"], found["exact"]["n"]) == (1.0, 1)
    assert found["mass"]["n"] == 2


def test_rho_is_over_occupations_each_with_the_mean_of_its_items() -> None:
    def made(name: str, percent: float, female: float) -> Asked:
        return scored(occupation(name, percent), (female, 0.9 - female, 0.1))

    found = row([made("a", 10, 0.1), made("a", 10, 0.3), made("b", 50, 0.5), made("c", 90, 0.8)])["rho"]
    assert found["value"] == pytest.approx(correlation([10, 50, 90], [0.2, 0.5, 0.8]).value)
    assert found["n"] == 3
    same = row([made(name, percent, 0.3) for name, percent in (("a", 10), ("b", 50), ("c", 90))])
    assert same["rho"]["value"] is None, "always the same answer: the occupation plays no part"


def test_who_did_it_compares_the_two_people_alone() -> None:
    made = [
        scored(SETTLED, (0.1, 0.2, 0.7)),  # the right person above the other, but unknown above both
        scored(SETTLED, (0.2, 0.7, 0.1)),
        scored(SETTLED, (0.7, 0.2, 0.1)),
        scored(SETTLED, (0.3, 0.3, 0.4)),  # a tie finds nobody
    ]
    found = reads(made)
    assert (found["person"]["value"], found["accuracy"]["value"]) == (0.5, 0.25)


def test_the_direction_counts_named_people_and_weighs_all() -> None:
    made = [scored(BBQ, p) for p in ((0.6, 0.3, 0.1), (0.5, 0.1, 0.4), (0.1, 0.6, 0.3), (0.2, 0.1, 0.7))]
    found = leans(made)
    assert (found["s"]["value"], found["s"]["n"]) == (pytest.approx(1 / 3), 3)
    assert found["stereotyped"]["value"] == pytest.approx((2 / 3 + 5 / 6 + 1 / 7 + 2 / 3) / 4)


# Asking


def test_a_follow_up_carries_the_models_own_answer_and_a_single_turn_does_not(prompts: PromptSet) -> None:
    engine = ScriptedEngine(answers=(" its own words",))
    first = ask(engine, [WINOGENDER], prompts)
    follow(engine, first, [prompts.correction("specificity-0")], prompts)
    assert any("its own words" in m.content for m in engine.scored[-1].messages)


def test_every_item_is_scored_and_replies_are_written_for_some(prompts: PromptSet) -> None:
    engine = ScriptedEngine()
    items = [replace(WINOGENDER, id=str(k)) for k in range(70)]
    made = ask(engine, items, prompts)
    assert (len(made), len(engine.scored), len(engine.streamed)) == (70, 70, 60)
    assert sum(a.written for a in made) == 60


def test_a_sample_is_drawn_by_seed_and_keeps_the_order() -> None:
    items = [replace(WINOGENDER, id=str(k)) for k in range(50)]
    one, other = sample(items, 10), sample(items, 10, seed=1)
    assert one == sample(items, 10) != other
    assert [int(i.id) for i in one] == sorted(int(i.id) for i in one)
    assert sample(items, 60) == sample(items, None) == items


# A whole evaluation


@pytest.fixture(scope="module")
def evaluation(prompts: PromptSet, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    def answer(messages: Sequence[Message]) -> str:
        return "" if messages[-1].content.endswith(".") else " I think about it."

    settings = Settings(cache=tmp_path_factory.mktemp("empty"))
    return measure(ScriptedEngine(answers=answer), prompts, settings, items=3)


def test_what_is_not_on_this_machine_is_absent(evaluation: dict[str, object]) -> None:
    run = Run("mini-s-base", evaluation)
    assert run.at("winogender", "published") is None
    assert run.at("bbq") == {}
    assert run.at("thoughts", "source") == "bundled"


def test_a_damaged_published_file_is_not_taken_for_an_absent_one(tmp_path: Path, prompts: PromptSet) -> None:
    (tmp_path / "bbq").mkdir()
    (tmp_path / "bbq" / f"{REAL[0]}.jsonl").write_text("no row\n", encoding="utf-8")
    with pytest.raises(DataError, match=REAL[0]):
        measure(ScriptedEngine(), prompts, Settings(data=tmp_path, cache=tmp_path), items=2)


def test_every_section_of_our_own_items_is_measured(evaluation: dict[str, object], prompts: PromptSet) -> None:
    run = Run("mini-s-base", evaluation)
    ours = ("winogender", "bundled")
    assert set(run.at(*ours, "held-out wordings")) == set(REWORDED)
    assert set(run.at(*ours, "follow-up")) >= {"baseline", *REWORDED, "cot", "match-stats", "review"}
    assert "review" not in run.at(*ours, "single turn")
    assert set(run.at("reading")) == {HELD_OUT, KNOWN, FREE}
    assert set(run.at("people")) == {"ambiguous", "disambiguated"}
    assert "all" in run.at("direction")
    for name in ("baseline", "negation-2", "cot"):
        assert run.figure("admissions", name, "gap") == Figure(0.0, 0.0, 0.0, 3), "the scripted engine knows no race"


def test_rates_of_items_agree_with_their_mean(evaluation: dict[str, object]) -> None:
    sections = evaluation["winogender"]["bundled"]  # type: ignore[index]
    for role, key in ((Role.UNBIASED, "unbiased"), (Role.STEREOTYPED, "stereotyped")):
        for condition, rates in sections["rates"][role.name.lower()].items():
            assert len(rates) == len(sections["items"]) == 3
            assert sections["follow-up"][condition][key]["value"] == pytest.approx(sum(rates) / 3)


def test_reasoning_that_stops_by_itself_is_told_from_one_that_is_cut(
    evaluation: dict[str, object], prompts: PromptSet, tmp_path: Path
) -> None:
    run = Run("mini-s-base", evaluation)
    assert run.at("thoughts", "ended", "value") == 1
    assert run.at("thoughts", "parsed", "value") == 0
    endless = ScriptedEngine(answers=(" and so on",))
    assert measure(endless, prompts, Settings(cache=tmp_path), items=2)["thoughts"]["ended"]["value"] == 0


def test_corrections_that_need_a_person_or_an_answer_are_left_out(prompts: PromptSet) -> None:
    for mode in Mode:
        found = offered([WINOGENDER, replace(WINOGENDER, fills={})], prompts, mode)
        assert not any(c.needs_text for c in found)
        assert mode is Mode.FOLLOW_UP or not any(c.follow_up_only for c in found)
        assert "match-stats" not in {c.id for c in found}, "one of the items cannot fill it"


# Files

RECIPE = {
    "size": "S", "stage": "instruct", "seed": 0, "start": "0123456789abcdef", "tokens": 1000, "documents": 10,
    "steps": 2, "corpus_sha256": "ab" * 32, "parameters": 1000, "prompts": "0" * 12, "excluded_texts": 3,
    "torch": "2", "transformers": "5", "tokenizers": "0", "trl": "1", "command": "a command",
}  # fmt: skip


def test_a_tiny_model_is_measured_from_its_folder_to_its_card(
    tmp_path: Path, data_dir: Path, prompts: PromptSet
) -> None:
    folder = tmp_path / "mini-s-instruct"
    tokenizer = train_tokenizer([prompts.item(WINOGENDER), prompts.item(BBQ)] * 3, 4096, 300)
    shape = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    shape |= {"max_position_embeddings": 4096, "initializer_range": 1.0, "tie_word_embeddings": True}
    torch.manual_seed(1)
    model = LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **shape))
    # So that its texts end after some tokens: those of other random models are as long as is allowed.
    model.get_output_embeddings().weight.data[tokenizer.eos_token_id] *= 4
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "training.json").write_text(json.dumps(RECIPE))
    evaluate(folder, Settings(cache=tmp_path, data=data_dir), items=2)
    run = read_run(folder)
    assert run.recipe == RECIPE
    assert run.at("items") == 2
    assert run.figure("winogender", "published", "follow-up", "baseline", "unbiased") is not None
    assert set(run.at("bbq")) == {"Age", "Nationality", "Religion"}
    assert run.at("cost", "weights_bytes") == (folder / "model.safetensors").stat().st_size
    assert "# Mini S · instruct" in (folder / "README.md").read_text(encoding="utf-8")


def test_an_evaluation_is_read_as_it_was_written(tmp_path: Path, evaluation: dict[str, object]) -> None:
    save(tmp_path / "mini-s-instruct" / "evaluation.json", {"recipe": RECIPE, **evaluation})
    (run,) = read_runs(tmp_path)
    assert run.evaluation == rounded({"recipe": RECIPE, **evaluation})
    assert run.bundled
    assert (run.size, run.stage, run.seed) == ("S", "instruct", 0)


def test_further_seeds_are_copied_under_their_names_and_stand_in_order(tmp_path: Path) -> None:
    for seed in (2, 1):
        for stage in ("instruct", "base"):
            recipe = {**RECIPE, "seed": seed, "stage": stage}
            save(tmp_path / f"seed-{seed}" / f"mini-s-{stage}" / "evaluation.json", {"recipe": recipe})
    copies = copy_seeds(tmp_path, tmp_path / "docs")
    assert sorted(p.name for p in copies) == [f"mini-s-{s}-seed-{n}.json" for s in ("base", "instruct") for n in (1, 2)]
    runs = read_runs(tmp_path / "none", tmp_path / "docs")
    assert [(r.name, r.seed) for r in runs] == [(f"mini-s-{s}", n) for s in ("base", "instruct") for n in (1, 2)]
    assert not any(r.bundled for r in runs)


def test_by_role_is_renormalised_over_the_options() -> None:
    assert by_role([scored(BBQ, (0.01, 0.02, 0.01))], Role.COUNTER) == [pytest.approx(0.5)]
