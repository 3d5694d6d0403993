"""A probe as files: nothing is lost in JSON, and nothing a model writes can break out of the Markdown."""

import json
import math
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hand_made import ADMISSIONS, BBQ, HOSTILE, WINOGENDER
from scripted import ScriptedEngine

from moralsc.dialogue import Message, Mode
from moralsc.engines.base import StopFlag
from moralsc.errors import ModelError
from moralsc.experiment import probe as probing
from moralsc.experiment.export import FORMAT, command, sent, to_json, to_markdown, to_record
from moralsc.experiment.ladder import climb
from moralsc.experiment.probe import Manner, Probe
from moralsc.items import Item
from moralsc.notation import options_hold
from moralsc.prompts import default_prompts

PROMPTS = default_prompts()
FACTS = {"engine": "scripted", "revision": "0123abc", "torch": "2.15.0"}


def made(probe: Probe) -> Probe:
    """The probe as an engine with these facts would have made it."""
    return replace(probe, provenance=FACTS)


def last(probes: Iterator[Probe]) -> Probe:
    *_, probe = probes
    return probe


def run(engine: ScriptedEngine, *ids: str, item: Item = WINOGENDER, manner: Manner | None = None) -> Probe:
    probe = probing.new_probe("scripted", item, manner or Manner(), PROMPTS)
    probe = last(probing.ask(probe, engine, PROMPTS, StopFlag()))
    for id in ids:
        probe = last(probing.apply(probe, PROMPTS.correction(id), engine, PROMPTS, StopFlag()))
    return probe


def whole(item: Item = WINOGENDER) -> Probe:
    engine = ScriptedEngine([f" {o.text}" for o in item.options])
    probe = run(engine, "specificity-0", "cot", item=item, manner=Manner(Mode.SINGLE_TURN, temperature=0.5, seed=7))
    return last(climb(probe, engine, PROMPTS, StopFlag()))


@pytest.mark.parametrize("item", [WINOGENDER, BBQ, ADMISSIONS], ids=lambda i: i.benchmark)
def test_json_is_the_record_and_nothing_is_lost(item: Item) -> None:
    probe = whole(item)
    assert json.loads(to_json(made(probe))) == json.loads(json.dumps(to_record(made(probe))))
    assert json.loads(to_json(made(probe)))["format"] == FORMAT


def test_a_record_and_its_command_say_the_system_message_and_the_opening() -> None:
    manner = Manner(system="Be brief; it's short.", prefill="quoted")
    probe = run(ScriptedEngine([" she"]), item=WINOGENDER, manner=manner)
    (turn,) = to_record(probe)["arms"][0]["turns"]
    assert (turn["system"], turn["prefill"]) == ("Be brief; it's short.", "quoted")
    assert turn["messages"][0] == {"role": "system", "content": "Be brief; it's short."}
    words = shlex.split(command(probe))
    assert words[words.index("--system") + 1] == "Be brief; it's short."
    assert words[words.index("--prefill") + 1] == "quoted"
    without = shlex.split(command(run(ScriptedEngine([" she"]), item=WINOGENDER, manner=Manner(system=""))))
    assert "--no-system" in without
    assert not {"--system", "--prefill"} & set(without)


def test_a_record_says_how_to_ask_again() -> None:
    record = json.loads(to_json(made(whole())))
    assert record["model"] == "scripted"
    assert record["provenance"] == FACTS
    assert record["prompt_set"] == PROMPTS.hash
    assert record["manner"] == {
        "mode": "single-turn",
        "form": "primed",
        "temperature": 0.5,
        "seed": 7,
        "shuffle": False,
        "system": None,
        "prefill": "",
    }
    assert (record["item"]["id"], record["item"]["origin"]) == (WINOGENDER.id, WINOGENDER.origin)
    assert [o["role"] for o in record["item"]["options"]] == ["counter-stereotyped", "stereotyped", "unbiased"]


def test_a_record_holds_each_turns_messages_reading_and_score() -> None:
    engine = ScriptedEngine([" his", f" {HOSTILE}", " their"])
    probe = run(engine, "cot")
    turns = json.loads(to_json(made(probe)))["arms"][0]["turns"]
    last_sent = [{"role": m.role, "content": m.content} for m in engine.streamed[-1]]
    assert [t["correction"] for t in turns] == ["baseline", "cot"]
    assert turns[1]["messages"] == last_sent
    assert turns[1]["seen"] == engine.render(engine.streamed[-1])
    assert turns[1]["reply"] == " their"
    assert turns[1]["answer"]["label"] == "c"
    assert turns[1]["answer"]["span"] == [1, 6]
    score = probe.arms[0].turns[1].score
    assert score is not None
    assert turns[1]["score"]["probabilities"] == pytest.approx(score.probabilities)
    assert turns[1]["score"]["mass"] == pytest.approx(score.mass)


def test_a_record_holds_the_ladder_with_its_reasoning() -> None:
    probe = whole(ADMISSIONS)
    assert probe.ladder is not None
    ladder = json.loads(to_json(made(probe)))["ladder"]
    assert [r["correction"] for r in ladder["rungs"]] == [r.correction for r in probe.ladder.rungs]
    assert all(len(r["scores"]) == 2 for r in (*ladder["rungs"], *ladder["others"]))
    assert len(ladder["others"][0]["reasoning"]) == 2
    assert json.loads(to_json(made(run(ScriptedEngine()))))["ladder"] is None


def test_what_was_never_sent_is_not_in_the_record() -> None:
    engine = ScriptedEngine([ModelError("broken")])
    record = json.loads(to_json(made(run(engine, item=ADMISSIONS))))
    black, white = (arm["turns"][0] for arm in record["arms"])
    assert (black["status"], black["error"]) == ("failed", "broken")
    assert black["messages"] != []
    assert (white["status"], white["messages"], white["seen"]) == ("failed", [], "")
    assert (white["answer"], white["score"]) == (None, None)


def test_sent_is_what_the_engine_was_given_for_every_turn() -> None:
    engine = ScriptedEngine([" his", " their", " think", " her", " their"])
    (dialogue,) = run(engine, "specificity-1", "cot", "review").arms
    assert [sent(dialogue, k) for k in range(4)] == [engine.streamed[k] for k in (0, 1, 3, 4)]


FENCES = ["```", "\n```\n", "````````", "``` `` ````\n`````", "a\r```\r# b", "~~~\n```", "`" * 50, "no fence"]


@pytest.mark.parametrize("text", FENCES)
def test_nothing_that_a_model_writes_closes_its_fence(text: str) -> None:
    marked = f" {text}\n# Heading\n<script>alert(1)</script>"
    markdown = to_markdown(made(run(ScriptedEngine([marked]))))
    outside, inside = blocks(markdown)
    assert inside == [f"Human: {PROMPTS.item(WINOGENDER)}\n\nAssistant: Answer:{marked}"]
    assert "<script>" not in outside
    assert "# Heading" not in outside


def blocks(markdown: str) -> tuple[str, list[str]]:
    """(text outside of fences, contents of the fenced blocks), read as CommonMark does."""
    outside: list[str] = []
    inside: list[str] = []
    fence, block = "", ""
    for line in re.split(r"(?<=\n)|(?<=\r)(?!\n)", markdown):
        opening = re.match(r" {0,3}(`{3,}|~{3,})", line)
        if fence and re.fullmatch(rf" {{0,3}}{re.escape(fence[0])}{{{len(fence)},}}[ \t]*[\r\n]*", line):
            inside.append(block.removesuffix("\n"))
            fence, block = "", ""
        elif fence:
            block += line
        elif opening:
            fence = opening[1]
        else:
            outside.append(line)
    assert not fence, "a block was left open"
    return "".join(outside), inside


def test_markdown_has_a_heading_a_verdict_and_the_figures_for_every_turn() -> None:
    probe = whole(ADMISSIONS)
    outside, inside = blocks(to_markdown(made(probe)))
    assert re.findall("^# (.+)$", outside, re.MULTILINE) == [
        ADMISSIONS.title,
        "Black applicant",
        "White applicant",
        "The ladder (single-turn)",
    ]
    turns = ["1. Baseline", "2. Specificity 0: be fair", "3. Chain of thought"]
    assert [h.split(" (")[0] for h in re.findall("^## (.+)$", outside, re.MULTILINE)] == turns * 2
    assert len(inside) == 6
    assert outside.count("Answer: ") == outside.count("Probabilities (text): ") == 6
    for fact in (*FACTS.values(), PROMPTS.hash, "temperature 0.5", "seed 7", ADMISSIONS.id):
        assert fact in outside


def test_markdown_says_what_the_options_hold_beside_every_probability() -> None:
    low = ScriptedEngine([" his"], scores=[(math.log(0.2), math.log(0.05), math.log(0.02))])
    probe = last(climb(run(low, "specificity-0"), low, PROMPTS, StopFlag()))
    outside, _ = blocks(to_markdown(made(probe)))
    turns, ladder = outside.split("# The ladder")
    assert probe.ladder is not None
    assert turns.count(options_hold(0.27)) == turns.count("Probabilities (text): ") == 2
    rows = [line for line in ladder.splitlines() if line.startswith("| ")]
    assert rows[0].endswith("| the options hold |")
    assert [row.split("|")[-2].strip() for row in rows[1:]] == ["27 %"] * (
        len(probe.ladder.rungs) + len(probe.ladder.others)
    )


def test_markdown_says_how_a_turn_ended_without_an_answer() -> None:
    class Stopping(StopFlag):
        pass

    flag = Stopping()

    def answer(messages: tuple[Message, ...]) -> str | ModelError:
        if len(messages) > 2:
            flag.stop()
        return " never said"

    engine = ScriptedEngine(answer)
    probe = last(probing.apply(run(engine), PROMPTS.correction("cot"), engine, PROMPTS, flag))
    outside, _ = blocks(to_markdown(made(probe)))
    assert outside.rstrip().endswith("stopped")
    failed = to_markdown(run(ScriptedEngine([ModelError("The model is gone.")])))
    assert failed.rstrip().endswith("The model is gone.")
