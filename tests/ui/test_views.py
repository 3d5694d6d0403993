"""What the page shows, without the page: verdicts, bars, the ladder, and texts that can do nothing."""

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from gradio.utils import diff
from gradio_client.utils import apply_diff
from hand_made import ADMISSIONS, BBQ, HOSTILE, ITEMS, OWN, WINOGENDER, hostile
from scripted import ScriptedEngine, make_spec

from moralsc.answers import Score, ScoredBy, read_answer
from moralsc.dialogue import Status, Turn, baseline
from moralsc.engines.base import Scoring, StopFlag
from moralsc.errors import ModelError
from moralsc.experiment import probe as probing
from moralsc.experiment.ladder import climb
from moralsc.experiment.probe import Manner, Probe, new_probe
from moralsc.items import ContextKind, Item, Option, Role
from moralsc.models import catalogue
from moralsc.notation import number, percent
from moralsc.prompts import default_prompts
from moralsc.ui import texts, views

PROMPTS = default_prompts()
SETTLED = replace(BBQ, condition=ContextKind.DISAMBIGUATED, correct="b")


def scored(item: Item, *shares: float, mass: float = 0.9) -> Score:
    labels = tuple(o.label for o in item.options)
    return Score(labels, tuple(math.log(mass * s) for s in shares), ScoredBy.TEXT)


def turn(item: Item, reply: str, score: Score | None = None, status: Status = Status.DONE, error: str = "") -> Turn:
    asked = baseline(item, PROMPTS, ScoredBy.TEXT).with_reply(0, reply)
    done = status is Status.DONE
    answer = read_answer(reply, item, primer="Answer:") if done else None
    score = score or scored(item, *[1 / len(item.options)] * len(item.options))
    return replace(asked, answer=answer, score=score if done else None, status=status, error=error, seen="Q. Answer:")


def probe(item: Item, *turns: Turn, model: str = "scripted") -> Probe:
    made = new_probe(model, item, Manner(), PROMPTS)
    return replace(made, arms=tuple(replace(a, turns=turns) for a in made.arms))


def arm(item: Item, *turns: Turn) -> dict[str, Any]:
    """The view of the last turn."""
    shown: dict[str, Any] = views.dialogue(probe(item, *turns), PROMPTS)["turns"][-1]["arms"][0]
    return shown


def last(probes: Iterator[Probe]) -> Probe:
    *_, final = probes
    return final


def climbed(item: Item, engine: ScriptedEngine) -> Probe:
    return last(climb(new_probe("scripted", item, Manner(), PROMPTS), engine, PROMPTS, StopFlag()))


# Verdicts


@pytest.mark.parametrize(
    ("reply", "glyph", "word"),
    [
        (" Can't be determined", "●", "unbiased"),
        (" The old man", "▲", "stereotyped"),
        (" The man.", "▼", "counter-stereotyped"),
        (" I cannot say that.", "◇", "refused"),
        (" Both of them.", "?", "unparsed"),
        ("", "?", "unparsed"),
    ],
)
def test_every_verdict_has_a_word_and_a_shape(reply: str, glyph: str, word: str) -> None:
    verdict = arm(BBQ, turn(BBQ, reply))["verdict"]
    assert (verdict["glyph"], verdict["word"], verdict["judged"]) == (glyph, word, "")


@pytest.mark.parametrize(
    ("status", "word", "note"), [(Status.STOPPED, "stopped", ""), (Status.FAILED, "failed", "The model is gone.")]
)
def test_what_did_not_finish_has_a_word_and_no_reading(status: Status, word: str, note: str) -> None:
    shown = arm(BBQ, turn(BBQ, " The old man", status=status, error=note))
    assert (shown["verdict"]["word"], shown["verdict"]["glyph"], shown["mark"]) == (word, "", "")
    assert (shown["before"], shown["bars"], shown["note"]) == ("The old man", [], note)


def test_a_growing_answer_has_no_verdict_yet() -> None:
    shown = arm(BBQ, turn(BBQ, " The old", status=Status.RUNNING))
    assert (shown["running"], shown["verdict"]["word"], shown["before"]) == (True, "", "The old")


@pytest.mark.parametrize(
    ("reply", "judged"),
    [(" The man", "right"), (" The old man", "wrong"), (" Can't be determined", "wrong"), (" Both", ""), (" No.", "")],
)
def test_an_answer_is_right_or_wrong_only_where_the_text_settles_it(reply: str, judged: str) -> None:
    assert arm(SETTLED, turn(SETTLED, reply))["verdict"]["judged"] == judged
    assert arm(BBQ, turn(BBQ, reply))["verdict"]["judged"] == ""


def test_a_verdict_on_an_option_without_a_role_is_the_option() -> None:
    assert arm(ADMISSIONS, turn(ADMISSIONS, " yes"))["verdict"]["word"] == "yes"


@pytest.mark.parametrize(
    "reply",
    [" The old man", "  Well. I think it is the old man, who else?\n", " (b) The man", " I cannot say.", " ?? "],
)
def test_the_marked_piece_is_what_was_parsed_and_the_pieces_make_the_answer(reply: str) -> None:
    done = turn(BBQ, reply)
    shown = arm(BBQ, done)
    assert done.answer is not None
    start, end = done.answer.span or (0, 0)
    assert shown["mark"] == reply[start:end]
    assert shown["before"] + shown["mark"] + shown["after"] == reply.strip()
    assert shown["reply"] == reply


def test_thoughts_are_shown_as_thoughts_and_the_answer_as_the_answer() -> None:
    engine = ScriptedEngine([" his", " Let us see.", " their"])
    asked = last(probing.ask(new_probe("scripted", WINOGENDER, Manner(), PROMPTS), engine, PROMPTS, StopFlag()))
    flag = StopFlag()
    for thinking in probing.apply(asked, PROMPTS.correction("cot"), engine, PROMPTS, flag):
        shown = views.dialogue(thinking, PROMPTS)["turns"][-1]["arms"][0]
    assert shown["reasoning"] == [PROMPTS.reasoning + " Let us see."]
    assert shown["mark"] == "their"
    flag.stop()
    stopped = last(probing.apply(asked, PROMPTS.correction("cot"), engine, PROMPTS, flag))
    shown = views.dialogue(stopped, PROMPTS)["turns"][-1]["arms"][0]
    assert (shown["before"], shown["mark"], shown["after"]) == ("", "", "")


# Probabilities


def test_bars_stand_in_one_order_of_roles_whatever_the_order_of_the_options() -> None:
    for item in (BBQ, BBQ.reordered((2, 0, 1)), BBQ.reordered((1, 2, 0))):
        bars = arm(item, turn(item, " The old man"))["bars"]
        assert [b["word"] for b in bars] == ["stereotyped", "counter-stereotyped", "unbiased"]
        assert [b["glyph"] for b in bars] == ["▲", "▼", "●"]


def test_bars_have_no_change_at_baseline_and_the_change_against_it_afterwards() -> None:
    first = turn(BBQ, " The man", scored(BBQ, 0.5, 0.3, 0.2))
    second = turn(BBQ, " The man", scored(BBQ, 0.7, 0.1, 0.2))
    third = turn(BBQ, " The man", scored(BBQ, 0.5, 0.296, 0.204))
    assert [b["delta"] for b in arm(BBQ, first)["bars"]] == ["", "", ""]
    assert [b["shown"] for b in arm(BBQ, first)["bars"]] == [".50", ".30", ".20"]
    assert [b["delta"] for b in arm(BBQ, first, second)["bars"]] == ["+.20", "−.20", ".00"]
    assert [b["delta"] for b in arm(BBQ, first, second, third)["bars"]] == [".00", ".00", ".00"]


def test_the_length_of_a_bar_is_its_number() -> None:
    for bar in arm(BBQ, turn(BBQ, " The man", scored(BBQ, 0.5, 0.3, 0.2)))["bars"]:
        assert number(bar["p"]) == bar["shown"]


def test_a_disagreement_of_words_and_probabilities_is_said_and_an_agreement_is_not() -> None:
    favours_old = scored(BBQ, 0.5, 0.3, 0.2)
    assert "favour “The old man”" in arm(BBQ, turn(BBQ, " The man", favours_old))["note"]
    assert arm(BBQ, turn(BBQ, " The old man", favours_old))["note"] == ""
    assert arm(BBQ, turn(BBQ, " I cannot say.", favours_old))["note"] == ""


def test_a_small_mass_is_said_and_a_large_one_is_not() -> None:
    for mass, small, said in (
        (0.04, "small", "4 % of the probability: left alone"),
        (0.6, "", "60 % of the probability."),
    ):
        for answer in (" The old man", " The man", " I cannot say."):
            shown = arm(BBQ, turn(BBQ, answer, scored(BBQ, 0.5, 0.3, 0.2, mass=mass)))
            assert said in shown["mass"]
            assert (shown["small"], "hold" in shown["note"]) == (small, False)


def test_without_probabilities_there_is_no_mass() -> None:
    shown = arm(BBQ, replace(turn(BBQ, " The man"), score=None))
    assert (shown["mass"], shown["small"]) == ("", "")


def test_every_rung_of_the_ladder_says_what_the_options_hold_in_each_arm() -> None:
    for black, white, small in ((0.8, 0.3, "small"), (0.3, 0.8, "small"), (0.8, 0.6, ""), (0.7, 0.7, "")):

        def scores(asked: Scoring, masses: tuple[float, float] = (black, white)) -> tuple[float, float]:
            return (math.log(masses["Black" not in asked.messages[0].content] / 2),) * 2

        view = views.ladder(climbed(ADMISSIONS, ScriptedEngine([" yes"], scores)), PROMPTS)
        shown = [*view["rungs"], *view["others"]]
        assert len(shown) > 2
        said = " / ".join(dict.fromkeys((percent(black), percent(white)))).replace(" %", "\N{NO-BREAK SPACE}%")
        assert {(rung["mass"], rung["small"]) for rung in shown} == {(said, small)}
        assert ("less than half" in view["mass"]) is bool(small)


def test_a_trajectory_appears_with_the_second_finished_turn() -> None:
    first = turn(BBQ, " The man", scored(BBQ, 0.5, 0.3, 0.2))
    second = replace(turn(BBQ, " The man", scored(BBQ, 0.1, 0.1, 0.8)), correction="negation-1", title="Negation")
    stopped = turn(BBQ, " The", status=Status.STOPPED)
    assert views.dialogue(probe(BBQ, first), PROMPTS)["trajectory"] == []
    assert views.dialogue(probe(BBQ, first, stopped), PROMPTS)["trajectory"] == []
    shown = views.dialogue(probe(BBQ, first, stopped, second), PROMPTS)
    assert [step["label"] for step in shown["trajectory"]] == ["Q", "−1"]
    assert shown["trajectory_label"].endswith("Baseline .20, Negation .80.")


def test_stacks_grow_from_unbiased_over_stereotyped_to_counter() -> None:
    first = turn(BBQ, " The man", scored(BBQ, 0.5, 0.3, 0.2))
    (stack,) = views.dialogue(probe(BBQ, first, first), PROMPTS)["trajectory"][0]["stacks"]
    assert [s["cls"] for s in stack["segments"]] == ["unbiased", "stereotyped", "counter"]
    assert [s["p"] for s in stack["segments"]] == pytest.approx([0.2, 0.5, 0.3])


# Turns


@pytest.mark.parametrize("id", PROMPTS.corrections)
def test_an_unethical_turn_is_marked_and_no_other_one(id: str) -> None:
    first = turn(BBQ, " The man")
    second = replace(first, correction=id, title=id, instruction="Do it.")
    shown = views.dialogue(probe(BBQ, first, second), PROMPTS)["turns"]
    assert [t["unethical"] for t in shown] == [False, id.startswith("negation")]
    assert [t["instruction"] for t in shown] == ["", "Do it."]


def test_a_dialogue_of_two_arms_shows_both_and_the_gap() -> None:
    engine = ScriptedEngine([" yes", " no"], scores=lambda s: (math.log(0.3), math.log(0.6)))
    asked = last(probing.ask(new_probe("scripted", ADMISSIONS, Manner(), PROMPTS), engine, PROMPTS, StopFlag()))
    (shown,) = views.dialogue(asked, PROMPTS)["turns"]
    assert [a["name"] for a in shown["arms"]] == ["Black", "White"]
    assert [a["mark"] for a in shown["arms"]] == ["yes", "no"]
    assert shown["gap"] == "No gap: the same chance of yes for both."
    assert len({a["key"] for a in shown["arms"]}) == 2


def test_a_gap_waits_for_both_arms() -> None:
    stages = probing.ask(new_probe("scripted", ADMISSIONS, Manner(), PROMPTS), ScriptedEngine(), PROMPTS, StopFlag())
    shown = [views.dialogue(p, PROMPTS)["turns"][0] for p in stages]
    assert shown[-1]["gap"] != ""
    assert all(s["gap"] == "" for s in shown if len(s["arms"]) == 1 or s["arms"][1]["running"])


def test_an_empty_dialogue_says_so() -> None:
    assert views.dialogue(probe(BBQ), PROMPTS)["empty"]
    assert not views.dialogue(probe(BBQ, turn(BBQ, "")), PROMPTS)["empty"]


# Item, model, preview


def test_an_item_card_shows_text_options_roles_and_where_it_comes_from() -> None:
    card = views.item_card(BBQ)
    assert (card["before"], card["question"], card["origin"]) == (BBQ.context, BBQ.question, BBQ.origin)
    assert [(o["text"], o["word"]) for o in card["options"]] == [
        ("The old man", "stereotyped"),
        ("The man", "counter-stereotyped"),
        ("Can't be determined", "unbiased"),
    ]
    assert all(o["right"] == "" for o in card["options"])
    assert [o["text"] for o in views.item_card(SETTLED)["options"] if o["right"]] == ["The man"]


def test_a_blank_is_shown_as_one() -> None:
    card = views.item_card(WINOGENDER)
    assert card["blank"]
    assert card["before"] + "___" + card["after"] == WINOGENDER.context
    assert not views.item_card(BBQ)["blank"]


def test_an_applicant_is_shown_by_its_title() -> None:
    assert views.item_card(ADMISSIONS)["before"] == ADMISSIONS.title


@pytest.mark.parametrize("spec", catalogue().values(), ids=catalogue())
def test_the_nature_of_a_model_stands_under_its_name(spec: Any) -> None:
    card = views.model_line(spec)
    assert card["nature"] == spec.nature != ""
    assert spec.size in card["facts"]
    assert str(spec.stage) in card["facts"]
    assert ("runs on this machine" in card["facts"]) is not bool(spec.repo)


def test_a_preview_is_the_message_and_warns_of_an_unethical_one() -> None:
    for correction in PROMPTS.offered(BBQ):
        planned = probing.planned(BBQ, correction, PROMPTS, make_spec(), Manner(), "Look again.")
        shown = views.preview(planned, correction)
        assert shown["text"] == planned.exchanges[0].user
        assert ("Unethical" in shown["label"]) is correction.id.startswith("negation")
        assert (planned.exchanges[-1].user in shown["extra"]) is correction.reasoning


def test_a_preview_says_what_is_missing() -> None:
    shown = views.preview(None, PROMPTS.correction("custom"), problem="Write it first.")
    assert (shown["text"], shown["problem"]) == ("", "Write it first.")
    assert views.preview(None, None)["text"] == ""


# The ladder


def test_the_ladder_stands_from_unethical_over_the_baseline_to_ethical() -> None:
    shown = views.ladder(climbed(BBQ, ScriptedEngine()), PROMPTS)
    assert [r["tick"] for r in shown["rungs"]] == ["−2", "−1", "−0", "Q", "0", "1", "2", "3"]
    assert [r["side"] for r in shown["rungs"]] == ["unethical"] * 3 + ["baseline"] + ["ethical"] * 4
    assert [r["tick"] for r in shown["others"]] == ["CoT"]
    assert all(r["instruction"] for r in (*shown["rungs"], *shown["others"]))


def test_each_rung_shows_the_share_of_the_right_answer_and_all_shares() -> None:
    shares = (0.2, 0.3, 0.5)
    engine = ScriptedEngine(scores=[tuple(math.log(s) for s in shares)])
    for rung in views.ladder(climbed(BBQ, engine), PROMPTS)["rungs"]:
        assert rung["figure"] == ".50"
        assert [s["shown"] for s in rung["stacks"][0]["segments"]] == [".50", ".20", ".30"]


def test_the_ladder_of_admissions_shows_both_arms_and_their_gap() -> None:
    def scores(scoring: Any) -> tuple[float, float]:
        yes = 0.2 if "Race: Black" in scoring.messages[0].content else 0.6
        return math.log(yes), math.log(1 - yes)

    shown = views.ladder(climbed(ADMISSIONS, ScriptedEngine(scores=scores)), PROMPTS)
    for rung in shown["rungs"]:
        assert rung["figure"] == "−.40"
        assert [(s["name"], [g["shown"] for g in s["segments"]]) for s in rung["stacks"]] == [
            ("Black", [".20"]),
            ("White", [".60"]),
        ]
    assert "Black" in shown["legend"][0]["word"]


def test_the_reading_and_the_mark_of_a_miniature_stand_under_the_ladder() -> None:
    run = climbed(BBQ, ScriptedEngine())
    name = next(s.name for s in catalogue().values() if s.bundled)
    shown = views.ladder(replace(run, model=name), PROMPTS)
    assert shown["reading"] == texts.ladder_reading(run.ladder, run.arms[0].item, PROMPTS.corrections)  # type: ignore[arg-type]
    assert shown["planted"] == texts.planted(name) != ""
    assert views.ladder(probe(BBQ), PROMPTS)["empty"]


# Differences


def states() -> list[dict[str, Any]]:
    """Views of dialogues that have little in common, as they follow each other on one page."""
    thought = replace(turn(BBQ, " The man"), exchanges=turn(BBQ, "").exchanges * 2)
    engine = ScriptedEngine([" yes", " no"])
    arms = last(probing.ask(new_probe("scripted", ADMISSIONS, Manner(), PROMPTS), engine, PROMPTS, StopFlag()))
    done, stopped = turn(BBQ, " The old man"), turn(BBQ, " The", status=Status.STOPPED)
    probes = [
        *(probe(BBQ), probe(BBQ, turn(BBQ, "", status=Status.RUNNING)), probe(BBQ, done), probe(BBQ, stopped)),
        *(probe(BBQ, done, thought, done), probe(BBQ, done, stopped), arms, climbed(BBQ, engine)),
    ]
    dialogues = [views.dialogue(p, PROMPTS) for p in probes]
    return [views.keyed(v) for v in (*dialogues, *(views.ladder(p, PROMPTS) for p in probes))]


def test_what_is_sent_as_differences_comes_out_whole() -> None:
    for before in states():
        for after in states():
            edits = json.loads(json.dumps(diff(before, after)))
            assert apply_diff(before, edits) == after


# Texts that can do nothing


def evaluated(markup: str) -> str:
    """What JavaScript makes of the text as a template literal; raises where something in it would run."""
    out, position = "", 0
    while position < len(markup):
        if markup[position] == "\\":
            assert markup[position + 1] in "\\$", markup
            position += 1
        else:
            assert not markup.startswith("${", position), markup
        out += markup[position]
        position += 1
    return out


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from strings(inner)


LIVE = ["${alert(1)}", "$", "{", "\\", "\\${x}", "\\\\${x}", "$${x}", "\\u0041\\n", "{{x}}", "$\\{", HOSTILE, "a\\"]


@pytest.mark.parametrize("text", LIVE)
def test_an_inert_text_comes_out_as_it_went_in(text: str) -> None:
    assert evaluated(views.inert({"x": text})["x"]) == text


def test_no_two_inert_texts_act_side_by_side() -> None:
    for first in LIVE:
        for second in LIVE:
            made = views.inert({"x": first, "y": second})
            assert evaluated(made["x"] + made["y"]) == first + second


def test_texts_are_made_inert_at_any_depth_and_other_values_are_left_alone() -> None:
    view = {"a": [{"b": ["${x}", 1, None, {"c": "\\"}]}], "d": True, "e": 0.5, "f": ("$",)}
    made = views.inert(view)
    assert made["a"] == [{"b": ["\\${x}", 1, None, {"c": "\\\\"}]}]
    assert (made["d"], made["e"]) == (True, 0.5)
    assert list(made["f"]) == ["\\$"]


@pytest.mark.parametrize("item", ITEMS.values(), ids=ITEMS)
def test_every_text_of_a_view_is_inert(item: Item) -> None:
    live = "${alert(1)} \\ $ { `"
    item = replace(hostile(item), title=live, origin=live, note=live, id=live)
    item = replace(item, options=tuple(replace(o, text=f"{live} {o.text}") for o in item.options))
    answers = [f" {live}"] * len(probing.arms(item))
    engine = ScriptedEngine([*answers, ModelError(live), f" {live}"])
    asked = last(probing.ask(new_probe(live, item, Manner(), PROMPTS), engine, PROMPTS, StopFlag()))
    failed = last(probing.apply(asked, PROMPTS.correction("custom"), engine, PROMPTS, StopFlag(), live))
    ladder = last(climb(asked, engine, PROMPTS, StopFlag()))
    spec = replace(make_spec(), title=live, nature=live, repo=live, bundled=False)
    planned = probing.planned(item, PROMPTS.correction("cot"), PROMPTS, make_spec(), Manner())
    shown = [
        views.item_card(item),
        views.dialogue(failed, PROMPTS),
        views.ladder(ladder, PROMPTS),
        views.header([live]),
        views.model_line(spec),
        views.preview(planned, PROMPTS.correction("cot"), problem=live),
    ]
    for view in shown:
        found = [evaluated(text) for text in strings(view)]
        assert any(live in text for text in found), found


def test_an_own_item_without_a_stereotype_has_plain_options() -> None:
    options = (Option("a", "The baker"), Option("b", "The dancer"), Option("c", "Unclear", Role.UNBIASED))
    item = replace(OWN, options=options)
    bars = arm(item, turn(item, " The baker"))["bars"]
    assert [(b["text"], b["glyph"], b["cls"]) for b in bars] == [
        ("The baker", "", "plain"),
        ("The dancer", "", "plain"),
        ("Unclear", "●", "unbiased"),
    ]


def test_the_mark_that_closes_an_answers_opening_stands_once_around_it() -> None:
    asked = baseline(WINOGENDER, PROMPTS, ScoredBy.TEXT, prefill="choice")
    primer = asked.exchanges[0].primer
    for reply in ('she"', "she", 'she" or'):
        read = replace(asked.with_reply(0, reply), answer=read_answer(reply, WINOGENDER, primer=primer))
        shown = arm(WINOGENDER, read)
        assert (shown["mark"], shown["after"]) == ("she", reply[3:] if reply.endswith("or") else "")
        assert shown["reply"] == reply
