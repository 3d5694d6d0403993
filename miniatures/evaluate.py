"""Measuring a miniature: what evaluation.json holds.

The sections of an evaluation are plain values, ready for JSON; figures are dictionaries of measures.Figure. Cards and
docs/miniatures.md are functions of them. Knows no training.
"""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, replace

from miniatures.asking import REPLIES, Asked, ask, follow, offered, sample, write
from miniatures.measures import bias, mean, paired, scaled_bias, share
from miniatures.rows import Section, answers, by_role, exact, favoured, leans, reads, row
from miniatures.wordings import wordings
from moralsc.answers import Outcome, read_answer
from moralsc.benchmarks import Source, load
from moralsc.dialogue import Dialogue, Message, Mode
from moralsc.engines.base import Engine, Sampling
from moralsc.errors import MissingData
from moralsc.experiment.probe import arms
from moralsc.items import BASELINE, ContextKind, Item, Role
from moralsc.prompts import Correction, PromptSet
from moralsc.settings import Settings

REWORDED = (
    "specificity-0", "specificity-1", "specificity-2", "specificity-3", "negation-0", "negation-1", "negation-2",
)  # fmt: skip
"""Corrections that are also measured in wordings that training never saw."""
HELD_OUT, KNOWN, FREE = "plain, held-out attributes", "plain, known attributes", "free"
REAL = ("Age", "Nationality", "Religion")
"""Categories of BBQ whose published items are measured, where they are here."""
REAL_ITEMS = 200
"""Of a category and condition, drawn by seed."""
_ITEMS = 60  # of a section at most, where a set has more
_THOUGHTS = 100
_TEXTS = 20


def measure(engine: Engine, prompts: PromptSet, settings: Settings, items: int | None = None) -> Section:
    """Every section that the items on this machine allow; those of absent published items are absent.

    Args:
        items: take no more than so many of any set, for a quick try.
    """
    most = _ITEMS if items is None else min(items, _ITEMS)
    people = _items("bbq", settings, Source.BUNDLED)
    real = {
        category: _real(engine, prompts, settings, category, min(items or REAL_ITEMS, REAL_ITEMS)) for category in REAL
    }
    return {
        "winogender": {s.value: found for s in Source if (found := _winogender(engine, prompts, settings, s, most))},
        "thoughts": _thoughts(engine, prompts, settings, min(items or _THOUGHTS, _THOUGHTS)),
        "reading": {tags: _reading(engine, prompts, people, tags, items) for tags in (HELD_OUT, KNOWN, FREE)},
        "direction": _direction(engine, prompts, sample(_of(people, ContextKind.AMBIGUOUS, KNOWN), items)),
        "people": {
            c.value: ladder(engine, sample(_of(people, c, "plain"), most), prompts)
            for c in (ContextKind.AMBIGUOUS, ContextKind.DISAMBIGUATED)
        },
        "bbq": {category: found for category, found in real.items() if found},
        "admissions": _admissions(engine, prompts, settings, most),
    }


def ladder(engine: Engine, items: Sequence[Item], prompts: PromptSet, mode: Mode = Mode.FOLLOW_UP) -> Section:
    """Condition -> row: the baseline, then every correction that needs no text, each on the baseline alone."""
    return {name: row(asked) for name, asked in _climb(engine, items, prompts, mode).items()}


def held_out(engine: Engine, first: Sequence[Asked], prompts: PromptSet) -> Section:
    """Corrections in wordings that training never saw, as follow-ups.

    An item's figure is its mean over the wordings, so that intervals are over items; wordings: mean neutral rate of
    each wording.
    """
    rows = {}
    for correction in (prompts.correction(id) for id in REWORDED):
        known = wordings(correction.id, first[0].item.benchmark)
        if known is None:
            continue
        reworded = [replace(correction, texts={first[0].item.benchmark: text}) for text in known.held_out]
        made = follow(engine, first, reworded, prompts, replies=REPLIES // len(reworded))
        rates = {role: [by_role(asked, role) for asked in made] for role in (Role.UNBIASED, Role.STEREOTYPED)}
        rows[correction.id] = {
            "unbiased": asdict(mean(_means(rates[Role.UNBIASED]))),
            "stereotyped": asdict(mean(_means(rates[Role.STEREOTYPED]))),
            "favoured": asdict(mean(_means([[float(favoured(a) is Role.UNBIASED) for a in m] for m in made]))),
            "exact": asdict(exact([a for asked in made for a in asked])),
            "wordings": [statistics.fmean(r) for r in rates[Role.UNBIASED]],
        }
    return rows


def _climb(engine: Engine, items: Sequence[Item], prompts: PromptSet, mode: Mode) -> dict[str, list[Asked]]:
    first = ask(engine, items, prompts)
    return {BASELINE: first} | _apply(engine, first, offered(items, prompts, mode), prompts, mode)


def _apply(
    engine: Engine, first: Sequence[Asked], corrections: Sequence[Correction], prompts: PromptSet, mode: Mode
) -> dict[str, list[Asked]]:
    return dict(zip((c.id for c in corrections), follow(engine, first, corrections, prompts, mode), strict=True))


def _winogender(engine: Engine, prompts: PromptSet, settings: Settings, source: Source, most: int) -> Section:
    items = sample([i for i in _items("winogender", settings, source) if i.category == "occupation"], most)
    if not items:
        return {}
    made = _climb(engine, items, prompts, Mode.FOLLOW_UP)
    single = offered(items, prompts, Mode.SINGLE_TURN)
    return {
        "follow-up": {name: row(asked) for name, asked in made.items()},
        "single turn": {
            name: row(asked)
            for name, asked in _apply(engine, made[BASELINE], single, prompts, Mode.SINGLE_TURN).items()
        },
        "held-out wordings": held_out(engine, made[BASELINE], prompts),
        # For comparisons item by item, of conditions and of models.
        "items": [i.id for i in items],
        "rates": {
            role.name.lower(): {name: by_role(asked, role) for name, asked in made.items()}
            for role in (Role.UNBIASED, Role.STEREOTYPED)
        },
    }


def _thoughts(engine: Engine, prompts: PromptSet, settings: Settings, most: int) -> Section:
    """Chains of thought on both kinds of Winogender items: do they end by themselves, and in an answer?"""
    source = Source.PUBLISHED if _items("winogender", settings, Source.PUBLISHED) else Source.BUNDLED
    first = ask(engine, sample(_items("winogender", settings, source), most), prompts)
    (made,) = follow(engine, first, [prompts.correction("cot")], prompts, replies=most)
    outcomes = [read_answer(a.turn.reply, a.item, primer=a.turn.exchanges[-1].primer).outcome for a in made]
    ended = [_ended(engine, a, before) for a, before in zip(made, first, strict=True)]
    return {
        "source": source.value,
        "parsed": asdict(share([o is Outcome.OPTION for o in outcomes])),
        "ended": asdict(share(ended)),
        "texts": [
            {
                "item": a.item.id,
                "reasoning": (a.turn.exchanges[0].primer + a.turn.exchanges[0].reply).strip(),
                "answer": a.turn.reply.strip(),
                "ended": done,
            }
            for a, done in list(zip(made, ended, strict=True))[:: max(1, len(made) // _TEXTS)][:_TEXTS]
        ],
    }


def _ended(engine: Engine, asked: Asked, before: Asked) -> bool:
    """Whether the reasoning ended by itself: left open, nothing follows it."""
    history = Dialogue(before.item).add(before.turn).history()
    reasoning = asked.turn.exchanges[0]
    open_end = Message("assistant", reasoning.primer + reasoning.reply)
    return not write(engine, (*asked.turn.prompt(history, 0)[:-1], open_end), Sampling(max_new_tokens=1)).strip()


def _reading(engine: Engine, prompts: PromptSet, people: Sequence[Item], tags: str, most: int | None) -> Section:
    asked = ask(engine, sample(_of(people, ContextKind.DISAMBIGUATED, tags), most), prompts)
    return reads(asked) | {"exact": asdict(exact(asked))}


def _direction(engine: Engine, prompts: PromptSet, items: Sequence[Item]) -> Section:
    asked = ask(engine, items, prompts)
    categories = dict.fromkeys(i.category for i in items)
    return {"all": leans(asked)} | {c: leans([a for a in asked if a.item.category == c]) for c in categories}


def _real(engine: Engine, prompts: PromptSet, settings: Settings, category: str, most: int) -> Section:
    """Published BBQ items of a category, apart by condition: accuracy, s and s_AMB (Parrish et al. 2022)."""
    found: Section = {}
    for condition in (ContextKind.AMBIGUOUS, ContextKind.DISAMBIGUATED):
        items = _items("bbq", settings, Source.PUBLISHED, category)
        asked = ask(engine, sample(_of(items, condition), most), prompts)
        if asked:
            found[condition.value] = {
                "accuracy": asdict(share([a.score.favoured == a.item.correct for a in asked])),
                "s": asdict(bias(answers(asked))),
                "exact": asdict(exact(asked)),
                "mass": asdict(mean([a.score.mass for a in asked])),
            }
            if condition is ContextKind.AMBIGUOUS:
                found[condition.value]["s_AMB"] = asdict(scaled_bias(answers(asked)))
    return found


def _admissions(engine: Engine, prompts: PromptSet, settings: Settings, most: int) -> Section:
    """Condition -> mean p(yes) of both arms, and p(yes | Black) - p(yes | White), everything else equal."""
    pairs = [arms(i) for i in sample(_items("admissions", settings, Source.BUNDLED), most)]
    black, white = (_climb(engine, arm, prompts, Mode.FOLLOW_UP) for arm in zip(*pairs, strict=True))
    return {
        name: {
            "gap": asdict(paired(_yes(black[name]), _yes(white[name]))),
            "yes": asdict(mean(_means([_yes(black[name]), _yes(white[name])]))),
        }
        for name in black
    }


def _items(name: str, settings: Settings, source: Source, category: str | None = None) -> tuple[Item, ...]:
    try:
        return load(name, settings, source, category).items
    except MissingData:  # published files that are not on this machine
        return ()


def _of(items: Sequence[Item], condition: ContextKind, tags: str = "") -> list[Item]:
    """Those of a condition that have all of the tags."""
    wanted = set(filter(None, tags.split(", ")))
    return [i for i in items if i.condition is condition and wanted <= i.tags]


def _yes(asked: Sequence[Asked]) -> list[float]:
    return [a.score.probabilities[o.label] for a in asked for o in a.item.options if o.text == "yes"]


def _means(columns: Sequence[Sequence[float]]) -> list[float]:
    return [statistics.fmean(values) for values in zip(*columns, strict=True)]
