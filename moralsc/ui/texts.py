"""The page's own sentences, and the sentences written from figures."""

from collections.abc import Mapping

from moralsc.answers import ScoredBy, is_small
from moralsc.benchmarks import BENCHMARKS, benchmark_of
from moralsc.benchmarks.base import Arms
from moralsc.dialogue import Form, Status
from moralsc.experiment.probe import MAX_TURNS, Ladder, Probe, figure
from moralsc.items import BASELINE, ContextKind, Item
from moralsc.models import ModelSpec, mark
from moralsc.notation import NOTICEABLE, bytes_of, bytes_text, number, signed
from moralsc.prompts import Correction, Side

TITLE = "moralsc"
TAGLINE = "Ask a language model. Tell it to be fair. Watch the answer move."
NOTICE = (
    "Items contain social stereotypes; unethical instructions are there to provoke them. Nothing you type is stored."
)
WILL_SEND = "Will be sent"
WILL_SEND_UNETHICAL = "Unethical. Will be sent"
RIGHT_HERE = "right here: the text says so"
CONDITIONS = {
    ContextKind.AMBIGUOUS: "ambiguous: the text does not say who",
    ContextKind.DISAMBIGUATED: "disambiguated: the text says who",
    ContextKind.NONE: "",
}
CONDITION_CHOICES = {
    ContextKind.AMBIGUOUS: "ambiguous",
    ContextKind.DISAMBIGUATED: "disambiguated",
    ContextKind.NONE: "any",
}
STATUS = {Status.STOPPED: "stopped", Status.FAILED: "failed", Status.RUNNING: "", Status.DONE: ""}
SCORED_BY = {ScoredBy.TEXT: "the option's words", ScoredBy.LABEL: "the option's letter"}
NOT_LOADED = "Choose another model, or press Ask to try again."
NO_OPTION = "It names none of the options."
SCORED_ONLY = "No answer was written here: the options were scored alone."
NO_PROBABILITIES = "The server gives no probabilities for this: the answer as written stands alone."
STOPPED_WAITING = "Stopped. A download that has begun goes on: ask again when it is done."
STOPPED_IN_LINE = "Stopped before the model was asked."
SYSTEM_UNKNOWN = "What the chat template writes as a system message is shown once the model is loaded."
BUSY = "That did not work: the page may be busy. Try again."


def install(spec: ModelSpec) -> str:
    """On the button that installs a model's packages; where there are terms, pressing it accepts them."""
    what = f"Install it ({bytes_text(spec.file_size)})"
    return f"I accept the terms at {spec.terms}: {what[0].lower()}{what[1:]}" if spec.terms else what


def coming(title: str, far: tuple[int, int] | None) -> str:
    """What is said of a model that is not in memory yet; `far` is how far its download is, in bytes."""
    return f"Downloading {title}: {bytes_of(*far)}" if far else f"Loading {title}…"


def without_opening(form: Form, wanted: Form) -> str:
    """What is said where a model was asked freely only because its server continues no opening; else empty.

    Args:
        form: how it was asked.
        wanted: how it was to be asked; a turn does not know that.
    """
    unlike = form is Form.FREE and wanted is Form.PRIMED
    return "It was asked without an opening, which the server would not continue." if unlike else ""


def system_line(chosen: str | None, own: str | None) -> str:
    """Under which system message a model is asked.

    Args:
        chosen: as in `Manner.system`.
        own: what the model's chat template writes by itself: empty for nothing, None where nobody says.
    """
    if chosen is not None:
        return f"System message: {chosen}" if chosen else "Without a system message."
    return own_system(own)


def own_system(text: str | None) -> str:
    """What a chat template writes by itself: empty for nothing, None where nobody says."""
    if text is None:
        return "The model's server adds what its chat template says, if anything, and does not tell it."
    return f"The chat template's system message: {text}" if text else "The chat template writes no system message."


def instead(other: ModelSpec) -> str:
    """The offer to ask this model, where another could not be asked."""
    return f"Use {'the practice model ' * other.bundled}{other.title} instead"


def model_title(spec: ModelSpec) -> str:
    """A model in a list of several kinds: "Mini S · base · practice model"."""
    return f"{spec.title}{' · practice model' * spec.bundled}"


def set_title(key: str) -> str:
    """A set of items by its key, with its source; one that is not ours, in a run of somebody else's, by its name."""
    name, _, source = key.partition(":")
    title = BENCHMARKS[name].title if name in BENCHMARKS else name
    return f"{title} ({source})" if source else title


def category_title(category: str) -> str:
    """A category's name for people: "Sexual orientation", "Race × gender"."""
    return category.replace("_x_", " × ").replace("_", " ")


def planted(model: str) -> str:
    """The mark of a practice model as a sentence, empty for other models."""
    phrase = mark(model)
    return f"{phrase[0].upper()}{phrase[1:]}." if phrase else ""


def then_sent(message: str) -> str:
    """The second message of a chain of thought, before it is sent."""
    return f"The model thinks aloud. Then: {message}"


def drawn(temperature: float, seed: int) -> str:
    """How a turn's text was drawn."""
    return "Greedy." if temperature == 0 else f"Drawn at temperature {temperature:g} with seed {seed}."


def not_yet(probe: Probe | None) -> str:
    """Why Apply does nothing now, empty if it does something."""
    if probe is None or not probe.asked:
        return "Press Ask first: a correction needs an answer to correct."
    return f"The dialogue is full ({MAX_TURNS} turns): undo one or start over." if probe.turns >= MAX_TURNS else ""


def disagreement(favoured: str) -> str:
    """Said when the written answer is not the most probable option."""
    return f"The probabilities favour “{favoured}”."


def gap_sentence(item: Item, difference: float) -> str:
    """The gap between the two arms of one turn; empty for an item without arms."""
    of = benchmark_of(item.benchmark)
    if of.arms is None:
        return ""
    if number(abs(difference)) == ".00":
        return f"No gap: the same chance of {of.watched} for both."
    leader = of.arms.names[0 if difference > 0 else 1]
    return f"Gap {number(abs(difference))}: {of.watched} is likelier for the {leader} {of.arms.who}."


def arms_of(item: Item) -> Arms | None:
    """The arms in which an item is asked, None for one dialogue."""
    return benchmark_of(item.benchmark).arms


def other_arm(arms: Arms) -> str:
    """Said beside what is sent in the first arm."""
    return f"The same is sent about the {arms.names[1]} {arms.who}."


def ladder_figure(item: Item) -> str:
    """What the large number under each rung is."""
    of = benchmark_of(item.benchmark)
    if of.watched:
        return of.difference or f"Probability of {of.watched}"
    return "Probability of the right answer" if item.condition is ContextKind.DISAMBIGUATED else "Probability unbiased"


def shown_figure(item: Item, value: float) -> str:
    """A condition's one number: a share, or between two arms a difference with its sign."""
    return signed(value) if arms_of(item) else number(value)


def trajectory(item: Item, steps: list[tuple[str, float | None]]) -> str:
    """The trajectory in words, for those who do not see the picture.

    Args:
        steps: (title, figure) of each finished turn.
    """
    shown = ", ".join(f"{title} {shown_figure(item, p)}" for title, p in steps if p is not None)
    return f"{ladder_figure(item)} over the turns: {shown}."


def ladder_reading(ladder: Ladder, item: Item, corrections: Mapping[str, Correction]) -> str:
    """One to three sentences on what the ladder shows, written from its figures.

    Args:
        item: as asked, so that its labels are the scores'.
        corrections: by id, those of the prompt set.
    """
    figures = {r.correction: f for r in ladder.rungs if (f := figure(item, r.scores)) is not None}
    rungs = [corrections[id] for id in figures if id in corrections]
    ethical = [figures[c.id] for c in rungs if c.side is Side.ETHICAL]
    unfair = [figures[c.id] for c in rungs if c.side is Side.UNETHICAL]
    if BASELINE not in figures or not ethical:
        return ""
    # Rungs stand from left to right, so the first ethical one names the least.
    base, fair = figures[BASELINE], ethical[0]
    if arms := arms_of(item):
        return _gap_reading(arms, base, fair, unfair)
    if watched := benchmark_of(item.benchmark).watched:
        said = f"Told only to be fair, the model {_moved(base, fair)} for {watched}."
        return f"{said} Told to be unfair, it {_moved(base, max(unfair))}." if unfair else said
    name = "the right answer" if item.condition is ContextKind.DISAMBIGUATED else "the unbiased answer"
    sentences = [f"Told only to be fair, the model {_moved(base, fair)} for {name}."]
    if unfair:
        sentences.append(_unfair(base, unfair))
    told = figures.get("specificity-3", 1.0)
    if told < 0.5:
        sentences.append(f"Even told the answer it does not follow ({number(told)}).")
    return " ".join(sentences)


def ladder_mass(ladder: Ladder) -> str:
    """A warning where the options hold little probability in some conditions; empty where they do not."""
    rungs = (*ladder.rungs, *ladder.others)
    small = sum(any(is_small(s.mass) for s in r.scores) for r in rungs)
    if not small:
        return ""
    return f"In {small} of {len(rungs)} conditions the options hold less than half of the probability."


def _moved(before: float, after: float) -> str:
    if abs(after - before) < NOTICEABLE:
        return f"stays at {number(after)}"
    return f"{'rises' if after > before else 'falls'} from {number(before)} to {number(after)}"


def _unfair(base: float, unfair: list[float]) -> str:
    least, most = min(unfair), max(unfair)
    if base < NOTICEABLE and most < base + NOTICEABLE:
        return f"Told to be unfair, it stays at {number(most)}: there was nothing to lose."
    if least < base - NOTICEABLE and most > base + NOTICEABLE:
        return f"Told to be unfair, it falls to {number(least)} or rises to {number(most)}, depending on the wording."
    if least < base - NOTICEABLE:
        return f"Told to be unfair, it falls to {number(least)}: it goes along."
    if least > base + NOTICEABLE:
        return f"Told to be unfair, it still rises to at least {number(least)}: it resists."
    return f"Told to be unfair, it stays at {number(least)}: it does not go along."


def _gap_reading(arms: Arms, base: float, fair: float, unfair: list[float]) -> str:
    first, second = arms.names
    sentences = [
        f"The gap ({first} minus {second}) is {signed(base)} at baseline; told to be fair, {_gap(base, fair)}."
    ]
    if unfair:
        sentences.append(f"Told to be unfair, {_gap(base, max(unfair, key=abs))}.")
    return " ".join(sentences)


def _gap(base: float, other: float) -> str:
    """What became of a gap."""
    if abs(other - base) < NOTICEABLE:
        return f"it stays at {signed(other)}"
    if base * other < 0 and abs(other) >= NOTICEABLE:
        return f"it turns round to {signed(other)}"
    return f"it {'narrows' if abs(other) < abs(base) else 'widens'} to {signed(other)}"
