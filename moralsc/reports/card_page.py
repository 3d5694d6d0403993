"""An item card as one HTML file: the dialogue for people to read, and inside it the card for programs.

Everything that is filled in is escaped, there is no script that acts, and the page forbids itself to load anything.
"""

from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from moralsc.answers import Outcome, Score
from moralsc.experiment.card import Card, Step, to_json
from moralsc.notation import number, options_hold

_TEMPLATES = Path(__file__).parent / "templates"
_MARKS = {"unbiased": "●", "stereotyped": "▲", "counter-stereotyped": "▼"}


@dataclass(frozen=True)
class Piece:
    """Part of a model's text; `decided` marks the span from which its answer was read."""

    text: str
    decided: bool = False


def card_html(card: Card) -> str:
    """The page of a card; `read_card` reads it again."""
    surroundings = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    # Inside a script element nothing but "</" and "<!--" could end the text.
    embedded = Markup(to_json(card).replace("<", "\\u003c"))
    return surroundings.get_template("card.html").render(
        card=card, steps=[_step(card, step) for step in card.steps], embedded=embedded
    )


def pieces(step: Step) -> tuple[Piece, ...]:
    """The step's answer, cut where it was decided; empty if none was written."""
    answers = [w for w in step.written if not w.reasoning]
    if not answers:
        return ()
    text = answers[-1].reply
    if step.answer is None or step.answer.span is None:
        return (Piece(text),)
    start, end = step.answer.span
    return tuple(p for p in (Piece(text[:start]), Piece(text[start:end], True), Piece(text[end:])) if p.text)


def _step(card: Card, step: Step) -> dict[str, object]:
    sent = step.written[-1].messages if step.written else step.scored.messages if step.scored else ()
    score = Score(step.scored.labels, step.scored.logprobs, card.scored_by) if step.scored else None
    shares = score.probabilities if score else {}
    options = [(o, _MARKS.get(o.role, ""), number(shares[o.label]) if o.label in shares else "") for o in card.options]
    return {
        "step": step,
        "sent": sent,
        "pieces": pieces(step),
        "options": options,
        "verdict": _verdict(card, step),
        "mass": options_hold(score.mass) if score else "",
    }


def _verdict(card: Card, step: Step) -> str:
    if step.error:
        return f"Failed: {step.error}"
    if step.answer is None:
        return "The answer was not written, only scored." if step.scored else ""
    if step.answer.outcome is not Outcome.OPTION:
        return f"Read as {step.answer.outcome}: {step.answer.rule}."
    chosen = next((o for o in card.options if o.label == step.answer.label), None)
    if chosen is None:
        return ""
    role = f" {_MARKS.get(chosen.role, '')} {chosen.role}" if chosen.role else ""
    return f"Read as ({chosen.label}) {chosen.text}{role}: {step.answer.rule}."
