"""A probe as files: JSON for programs, Markdown for people. Both say how each turn was asked, and of which model.

What a bundled miniature answered carries its mark in both.
"""

import json
import shlex
from dataclasses import asdict
from typing import Any

from moralsc.answers import Score
from moralsc.dialogue import Dialogue, Message, Turn
from moralsc.experiment.probe import Ladder, Probe, asked_with
from moralsc.items import Item
from moralsc.models import mark
from moralsc.notation import options_hold, percent

FORMAT = "moralsc probe 1"


def to_record(probe: Probe) -> dict[str, Any]:
    """The probe as plain JSON values. Every turn says how it was asked; `manner` is how the next one would be."""
    return {
        "format": FORMAT,
        "model": probe.model,
        "mark": mark(probe.model),
        "provenance": dict(probe.provenance),
        "prompt_set": probe.prompts,
        "manner": asdict(probe.manner),
        "command": command(probe),
        "item": _item(probe.item),
        "arms": [
            {"arm": a.item.arm, "options": _options(a.item), "turns": [_turn(a, i) for i in range(len(a.turns))]}
            for a in probe.arms
        ],
        "ladder": _ladder(probe.ladder) if probe.ladder else None,
    }


def to_json(probe: Probe) -> str:
    """The record as JSON text."""
    return json.dumps(to_record(probe), indent=2, ensure_ascii=False)


def to_markdown(probe: Probe) -> str:
    """The dialogue for people to read. What a model wrote stands in fenced blocks, verbatim."""
    item = probe.item
    lines = [f"# {item.title}", "", f"- item: {item.id} of {item.benchmark} ({item.origin})"]
    lines += [f"- model: {probe.model}{_marked(probe)}"]
    lines += [f"- {key}: {value}" for key, value in probe.provenance.items() if key != "model"]
    lines += [f"- prompt set: {probe.prompts}"]
    lines += [f"- command: {command(probe)}"] if command(probe) else []
    for dialogue in probe.arms:
        if dialogue.item.arm:
            lines += ["", f"# {dialogue.item.arm} applicant"]
        for index, turn in enumerate(dialogue.turns):
            asked = f"{turn.mode}, {turn.form}, temperature {turn.temperature:g}, seed {turn.seed}, {turn.status}"
            lines += ["", f"## {index + 1}. {turn.title} ({asked})", ""]
            lines += _fenced(turn.seen + turn.reply)
            lines += ["", *_verdict_lines(dialogue.item, turn)]
    return "\n".join(lines + (_ladder_lines(probe) if probe.ladder else [])) + "\n"


def command(probe: Probe) -> str:
    """The command line that asks the same in a terminal, as far as one line can; empty for an item of one's own."""
    item, manner = probe.item, probe.manner
    if item.benchmark == "own":
        return ""
    words = ["moralsc", "ask", "--model", probe.model]
    words += ["--benchmark", f"{item.benchmark}:bundled" if item.bundled else item.benchmark, "--item", item.id]
    for turn in probe.arms[0].turns[1:]:
        words += ["--correct", turn.correction]
    own = [turn.text for turn in probe.arms[0].turns if turn.text]
    words += ["--text", own[0]] if own else []
    words += ["--mode", manner.mode, "--form", manner.form]
    words += ["--temperature", f"{manner.temperature:g}", "--seed", str(manner.seed)]
    words += asked_with(manner.system, manner.prefill)
    return shlex.join(words + ["--shuffle"] * manner.shuffle)


def sent(dialogue: Dialogue, index: int) -> tuple[Message, ...]:
    """The messages that the model was sent for the answer of turn `index`."""
    turn = dialogue.turns[index]
    return turn.prompt(dialogue.before(index).history(), len(turn.exchanges) - 1)


def _item(item: Item) -> dict[str, Any]:
    names = ("benchmark", "id", "category", "condition", "polarity", "context", "question", "correct", "origin")
    return {name: getattr(item, name) for name in names} | {"bundled": item.bundled, "options": _options(item)}


def _options(item: Item) -> list[dict[str, Any]]:
    return [{"label": o.label, "text": o.text, "role": o.role, "group": o.group} for o in item.options]


def _turn(dialogue: Dialogue, index: int) -> dict[str, Any]:
    turn = dialogue.turns[index]
    return {
        "correction": turn.correction,
        "mode": turn.mode,
        "form": turn.form,
        "system": turn.system,
        "prefill": turn.opening.prefill,
        "temperature": turn.temperature,
        "seed": turn.seed,
        "status": turn.status,
        "error": turn.error,
        "instruction": turn.instruction,
        # Without a text that was seen, nothing was sent: another arm failed or was stopped first.
        "messages": [asdict(m) for m in sent(dialogue, index)] if turn.seen else [],
        "seen": turn.seen,
        "scored_after": turn.scored_after or turn.seen,
        "reply": turn.reply,
        "answer": asdict(turn.answer) if turn.answer else None,
        "score": _score(turn.score) if turn.score else None,
        "seconds": round(turn.seconds, 3),
    }


def _score(score: Score) -> dict[str, Any]:
    return asdict(score) | {"mass": score.mass, "probabilities": score.probabilities}


def _ladder(ladder: Ladder) -> dict[str, Any]:
    def rungs(of: tuple[Any, ...]) -> list[dict[str, Any]]:
        return [
            {
                "correction": r.correction,
                "instruction": r.turns[0].instruction,
                "scores": [_score(s) for s in r.scores],
                "reasoning": [e.reply for t in r.turns for e in t.exchanges if e.reasoning],
            }
            for r in of
        ]

    return {
        "manner": asdict(ladder.manner),
        "rungs": rungs(ladder.rungs),
        "others": rungs(ladder.others),
        "seconds": round(ladder.seconds, 3),
    }


def _ladder_lines(probe: Probe) -> list[str]:
    assert probe.ladder is not None
    lines = ["", f"# The ladder ({probe.ladder.manner.mode})", "", f"- model: {probe.model}{_marked(probe)}"]
    for arm, dialogue in enumerate(probe.arms):
        options = [o.text.replace("|", "\\|") for o in dialogue.item.options]
        lines += [
            "",
            f"| {dialogue.item.arm or 'condition'} | {' | '.join(options)} | the options hold |",
            "|---" * (len(options) + 2) + "|",
        ]
        for rung in (*probe.ladder.rungs, *probe.ladder.others):
            shares = (f"{p:.3f}" for p in rung.scores[arm].probabilities.values())
            lines.append(f"| {rung.correction} | {' | '.join(shares)} | {percent(rung.scores[arm].mass)} |")
    return lines


def _marked(probe: Probe) -> str:
    return f" ({mark(probe.model)})" if mark(probe.model) else ""


def _verdict_lines(item: Item, turn: Turn) -> list[str]:
    lines = []
    if turn.answer and turn.answer.label:
        option = item.option(turn.answer.label)
        lines.append(f"Answer: {option.text} ({option.role or option.group})")
    elif turn.answer:
        lines.append(f"Answer: {turn.answer.outcome}")
    if turn.score:
        shares = ", ".join(f"{item.option(k).text} {p:.2f}" for k, p in turn.score.probabilities.items())
        lines.append(f"Probabilities ({turn.score.scored_by}): {shares}. {options_hold(turn.score.mass)}")
    elif turn.answer:
        lines.append("Probabilities: not given by the model's server")
    return lines or [turn.error or str(turn.status)]


def _fenced(text: str) -> list[str]:
    """A fence longer than any run of backticks inside, so that nothing can close it."""
    fence = "```"
    while fence in text:
        fence += "`"
    return [fence, text, fence]
