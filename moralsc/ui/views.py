"""What the page shows, as plain values: functions of an item, a correction or a Probe.

No gradio and no HTML here: the templates beside this module lay the values out. Every value that reaches a template
goes through `inert`, which keeps text from a model, a file or a visitor exactly as it is and without effect.
"""

from typing import Any

from moralsc.answers import Outcome, Score, is_small
from moralsc.benchmarks import benchmark_of
from moralsc.benchmarks.base import Arms
from moralsc.dialogue import Dialogue, Status, Turn
from moralsc.experiment.probe import Probe, Rung, figure
from moralsc.items import BASELINE, ContextKind, Item, Option, Role
from moralsc.models import ModelSpec, Stage
from moralsc.notation import number, options_hold, percent, signed
from moralsc.prompts import Correction, PromptSet, Side, tick
from moralsc.ui import texts

View = dict[str, Any]

_CLASSES = {Role.STEREOTYPED: "stereotyped", Role.COUNTER: "counter", Role.UNBIASED: "unbiased"}
_ROLE_ORDER = {Role.STEREOTYPED: 0, Role.COUNTER: 1, None: 1, Role.UNBIASED: 2}
_OTHER_GLYPHS: dict[str, str] = {Outcome.REFUSED.value: "◇", Outcome.UNPARSED.value: "?"}
# From the bottom of a stack upwards.
_STACK_ORDER = {Role.UNBIASED: 0, Role.STEREOTYPED: 1, Role.COUNTER: 2, None: 3}


def inert(view: View) -> View:
    """Make every string inside a view safe for a gr.HTML template.

    Gradio fills `{{text}}` with Handlebars, which escapes HTML, and then evaluates the result as a JavaScript
    template literal, in which a backslash and `${` would still act, also where the `$` ends one value and the brace
    begins the next. Escaped here, they come out as they went in.
    """
    return {key: _inert(value) for key, value in view.items()}


def _inert(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\\", "\\\\").replace("$", "\\$")
    if isinstance(value, dict):
        return inert(value)
    if isinstance(value, list | tuple):
        return [_inert(inner) for inner in value]
    return value


def keyed(view: View) -> View:
    """The view with each list as a mapping of place -> value, None if it is empty.

    Gradio sends a growing value as differences. Where a list inside a list gets shorter these are wrong (6.31), and
    words of an old turn would stand in a new one. A template's `{{#each}}` walks a mapping as it walks a list.
    """
    return {key: _keyed(value) for key, value in view.items()}


def _keyed(value: Any) -> Any:
    if isinstance(value, list):
        return {str(place): _keyed(inner) for place, inner in enumerate(value)} or None
    return keyed(value) if isinstance(value, dict) else value


def header(notices: list[str]) -> View:
    """The header; what a link could not restore stands under it."""
    return inert({"tagline": texts.TAGLINE, "notice": texts.NOTICE, "link": " ".join(notices)})


def model_line(spec: ModelSpec, state: str = "", problem: bool = False, borrowed: bool = False) -> View:
    """The lines under the model choosers: what this model is, and where it stands.

    Args:
        state: a sentence on whether it is there; empty where nothing is to be said.
        problem: the sentence is about something that went wrong.
        borrowed: models of the hub are asked on a GPU that is lent to the visitor.
    """
    lent = ", asked on a GPU that Hugging Face lends you: each question takes seconds of your minutes a day"
    where = f"downloaded from {spec.repo}{lent if borrowed else ''}" if spec.repo else "runs on this machine"
    where = f"asked at {spec.address}" if spec.address else where
    stage = "" if spec.stage is Stage.UNKNOWN else spec.stage.value
    facts = " · ".join(filter(None, (spec.amount, stage, where)))
    return inert({"facts": facts, "nature": spec.nature, "state": state, "kind": "m-problem" if problem else ""})


def item_card(item: Item) -> View:
    """The item with its options and roles."""
    before, blank, after = item.context.partition("___")
    text = item.context or ("" if item.question else item.title)
    return inert(
        {
            "blank": bool(blank),
            "before": before if blank else text,
            "after": after,
            "question": item.question,
            "condition": texts.CONDITIONS[item.condition],
            "origin": item.origin,
            "id": item.id,
            "note": item.note,
            "options": [_option(item, o) for o in _in_role_order(item)],
        }
    )


def preview(
    turn: Turn | None, correction: Correction | None, problem: str = "", arms: Arms | None = None, hint: str = ""
) -> View:
    """The exact message that Apply would send.

    Args:
        turn: as it would be sent, None where nothing is chosen or something is missing.
        problem: what is missing before it can be sent.
        arms: in which it is sent, None for one dialogue.
        hint: why it cannot be sent yet.
    """
    if correction is None:
        return inert({"text": "", "problem": "", "side": "", "extra": "", "label": ""})
    more = [texts.then_sent(e.user) for e in turn.exchanges[1:]] if turn else []
    return inert(
        {
            "text": turn.exchanges[0].user if turn else "",
            "label": texts.WILL_SEND_UNETHICAL if correction.side is Side.UNETHICAL else texts.WILL_SEND,
            "problem": problem,
            "hint": hint,
            "side": correction.side.value,
            "extra": "\n".join([*more, texts.other_arm(arms)] if turn and arms else more),
        }
    )


def dialogue(probe: Probe, prompts: PromptSet) -> View:
    """The dialogue so far, a row a turn, with a trajectory once there are two."""
    turns = [_turn(probe, prompts, index) for index in range(len(probe.arms[0].turns))]
    finished = [i for i in range(len(turns)) if len(_scores(probe, i)) == len(probe.arms)]
    item = probe.arms[0].item
    steps = [(probe.arms[0].turns[i].title, figure(item, _scores(probe, i))) for i in finished]
    return inert(
        {
            "empty": not turns,
            "about": item.title,
            "turns": turns,
            "planted": texts.planted(probe.model),
            "trajectory": [_step(probe, prompts, i) for i in finished] if len(finished) > 1 else [],
            "trajectory_label": texts.trajectory(item, steps) if len(finished) > 1 else "",
        }
    )


def ladder(probe: Probe, prompts: PromptSet) -> View:
    """The ladder picture: unethical rungs, baseline, ethical rungs, then the corrections off the ladder."""
    run = probe.ladder
    if run is None:
        return inert({"empty": True, "rungs": [], "others": []})
    return inert(
        {
            "empty": False,
            "rungs": [_rung(probe, prompts, r) for r in run.rungs],
            "others": [_rung(probe, prompts, r) for r in run.others],
            "legend": _legend(probe),
            "figure": texts.ladder_figure(probe.item),
            "reading": texts.ladder_reading(run, probe.arms[0].item, prompts.corrections),
            "mass": texts.ladder_mass(run),
            "planted": texts.planted(probe.model),
            "seconds": f"{run.seconds:.1f} s",
        }
    )


def _legend(probe: Probe) -> list[View]:
    if arms := texts.arms_of(probe.item):
        left, right = arms.names
        word = f"left: {left} {arms.who}, right: {right}; height: p({benchmark_of(probe.item.benchmark).watched})"
        return [{"glyph": "", "cls": "plain", "word": word}]
    return [{"glyph": r.glyph, "cls": _CLASSES[r], "word": r.value} for r in Role]


def marked(outcome: str, short: bool = False) -> View:
    """A role, or another outcome of an answer, by its word: with the shape and the colour that it has everywhere.

    Args:
        short: "counter" for counter-stereotyped, where many stand in a table.
    """
    role = next((r for r in Role if r.value == outcome), None)
    glyph = role.glyph if role else _OTHER_GLYPHS.get(outcome, "")
    word = outcome.removesuffix("-stereotyped") if short else outcome
    return {"glyph": glyph, "cls": _CLASSES[role] if role else "plain", "word": word}


def _in_role_order(item: Item) -> list[Option]:
    return sorted(item.options, key=lambda o: _ROLE_ORDER[o.role])


def _option(item: Item, option: Option) -> View:
    return {
        "glyph": option.role.glyph if option.role else "",
        "cls": _CLASSES[option.role] if option.role else "plain",
        "text": option.text,
        "word": option.role.value if option.role else "",
        "right": texts.RIGHT_HERE
        if item.condition is ContextKind.DISAMBIGUATED and option.label == item.correct
        else "",
    }


def _turn(probe: Probe, prompts: PromptSet, index: int) -> View:
    first = probe.arms[0].turns[index]
    correction = prompts.corrections.get(first.correction)
    columns = [_arm(a, index) for a in probe.arms if index < len(a.turns)]
    return {
        "number": index + 1,
        "title": first.title,
        "mode": "fresh dialogue" if first.fresh and first.correction != BASELINE else "",
        "unethical": correction is not None and correction.side is Side.UNETHICAL,
        "instruction": first.instruction,
        "arms": columns,
        "gap": _gap_of_turn(probe, index),
    }


def _scores(probe: Probe, index: int) -> tuple[Score, ...]:
    scores = (a.turns[index].score for a in probe.arms if index < len(a.turns))
    return tuple(s for s in scores if s is not None)


def _gap_of_turn(probe: Probe, index: int) -> str:
    scores = _scores(probe, index)
    difference = figure(probe.arms[0].item, scores) if len(scores) == 2 else None
    return "" if difference is None else texts.gap_sentence(probe.item, difference)


def _arm(dialogue: Dialogue, index: int) -> View:
    turn, item = dialogue.turns[index], dialogue.item
    first = dialogue.turns[0].score if index else None
    return {
        "key": f"{index}{item.arm}",
        "name": item.arm,
        "reasoning": [e.primer + e.reply for e in turn.exchanges if e.reasoning],
        **_said(turn),
        "running": turn.status is Status.RUNNING,
        "verdict": _verdict(item, turn),
        "note": _note(item, turn),
        "bars": [_bar(item, o, turn.score, first) for o in _in_role_order(item)] if turn.score else [],
        "seen": turn.seen,
        "scored_after": turn.scored_after,
        "drawn": texts.drawn(turn.temperature, turn.seed),
        "reply": turn.reply,
        "mass": options_hold(turn.score.mass) if turn.score else "",
        "small": "small" if turn.score and is_small(turn.score.mass) else "",
        "scored_by": texts.SCORED_BY[turn.score.scored_by] if turn.score else "",
    }


def _said(turn: Turn) -> View:
    """The answer in three pieces, the middle one the span that decided."""
    # A chain of thought that was stopped before its end has no answer yet.
    text, answer = "" if turn.exchanges[-1].reasoning else turn.reply, turn.answer
    exchange, opening = turn.exchanges[-1], turn.opening
    if opening.close and exchange.primer == opening.text:  # its quotation marks are those that stand around it here
        text = text.removesuffix(opening.close)
    if answer is None or answer.span is None:
        return {"before": text.strip(), "mark": "", "after": ""}
    start, end = answer.span
    return {"before": text[:start].lstrip(), "mark": text[start:end], "after": text[end:].rstrip()}


def _verdict(item: Item, turn: Turn) -> View:
    if turn.status is not Status.DONE or turn.answer is None:
        return {"glyph": "", "word": texts.STATUS[turn.status], "cls": "plain", "judged": ""}
    answer = turn.answer
    if answer.label is None:
        return {**marked(answer.outcome.value), "judged": ""}
    option = item.option(answer.label)
    judged = ""
    if item.condition is ContextKind.DISAMBIGUATED:
        judged = "right" if answer.label == item.correct else "wrong"
    word = option.role.value if option.role else option.text
    return {**_option(item, option), "word": word, "judged": judged}


def _note(item: Item, turn: Turn) -> str:
    """What the reader should know beside the verdict: an error, a disagreement."""
    if turn.status is Status.FAILED:
        return turn.error
    if turn.score is None:
        return texts.NO_PROBABILITIES if turn.answer else ""
    if turn.answer is None:
        return texts.SCORED_ONLY if turn.status is Status.DONE else ""
    notes = []
    if turn.answer.outcome is Outcome.UNPARSED:
        notes.append(texts.NO_OPTION)
    said = turn.answer.label
    if said is not None and said != turn.score.favoured:
        notes.append(texts.disagreement(item.option(turn.score.favoured).text))
    return " ".join(notes)


def _bar(item: Item, option: Option, score: Score, first: Score | None) -> View:
    p = score.probabilities[option.label]
    return {
        **_option(item, option),
        "p": round(p, 4),
        "shown": number(p),
        "delta": signed(p - first.probabilities[option.label]) if first else "",
    }


def _segments(item: Item, score: Score) -> list[View]:
    """Shares from the bottom up: unbiased, stereotyped, counter-stereotyped; in an arm, the compared option alone."""
    of = benchmark_of(item.benchmark)
    shown = [o for o in item.options if o.group == of.watched] if of.arms else item.options
    return [_bar(item, o, score, None) for o in sorted(shown, key=lambda o: _STACK_ORDER[o.role])]


def _step(probe: Probe, prompts: PromptSet, index: int) -> View:
    scores = _scores(probe, index)
    return {
        "label": tick(probe.arms[0].turns[index].correction, prompts.corrections),
        "stacks": [{"segments": _segments(a.item, s)} for a, s in zip(probe.arms, scores, strict=True)],
    }


def _rung(probe: Probe, prompts: PromptSet, rung: Rung) -> View:
    correction = prompts.corrections.get(rung.correction)
    shown = figure(probe.arms[0].item, rung.scores)
    return {
        "tick": tick(rung.correction, prompts.corrections),
        "short": correction.short if correction else "baseline",
        "side": correction.side.value if correction else "baseline",
        "instruction": rung.turns[0].instruction or "the item alone",
        "figure": "" if shown is None else texts.shown_figure(probe.item, shown),
        "mass": " / ".join(dict.fromkeys(percent(s.mass).replace(" ", "\N{NO-BREAK SPACE}") for s in rung.scores)),
        "small": "small" if any(is_small(s.mass) for s in rung.scores) else "",
        "stacks": [
            {"name": a.item.arm, "segments": _segments(a.item, s)} for a, s in zip(probe.arms, rung.scores, strict=True)
        ],
    }
