"""Records made by hand: what was answered is given, everything else is as a run would have it."""

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from moralsc.batch import folder
from moralsc.batch.design import Design
from moralsc.batch.record import Record

_ROLES = ("unbiased", "stereotyped", "counter-stereotyped")
ANSWERS = dict(zip(("unknown", "biased", "counter"), _ROLES, strict=True))


def record(answer: str = "unknown", **more: Any) -> Record:
    """A record whose favoured option is "unknown", "biased" or "counter"; "failed" has none."""
    role = ANSWERS.get(answer)
    shares = tuple(0.6 if name == role else 0.2 for name in _ROLES)
    values: dict[str, Any] = {f.name: None for f in fields(Record)}
    values |= {
        "row": 0,
        "batch": 0,
        "model": "real",
        "mark": "",
        "weights": "w",
        "dtype": "float32",
        "benchmark": "bbq",
        "source": "published",
        "category": "Age",
        "item": "i",
        "arm": "",
        "order": "abc",
        "condition": "ambiguous",
        "polarity": "neg",
        "occupation": "",
        "weight": 1,
        "correction": "baseline",
        "round": 0,
        "repeat": 0,
        "mode": "follow-up",
        "form": "primed",
        "scored_by": "text",
        "temperature": 0.0,
        "seed": 0,
        "seconds": 0.1,
        "labels": ("a", "b", "c"),
        "groups": ("unknown", "old", "nonOld"),
        "roles": _ROLES,
        "correct": "unbiased",
        "status": "done" if role else "failed",
        "failure": None if role else "failed",
    }
    if role:
        values |= {"logprobs": (-1.0, -2.0, -2.0), "mass": 0.9, "probabilities": shares}
        values |= dict(zip(("p_unbiased", "p_stereotyped", "p_counter"), shares, strict=True))
        values |= {"favoured": "abc"[_ROLES.index(role)], "favoured_role": role, "favoured_right": role == "unbiased"}
    made = values | more
    if made["failure"] is None and made["favoured_role"]:
        made["favoured_right"] = more.get("favoured_right", made["favoured_role"] == made["correct"])
    return Record(**made)


def bbq(answers: Sequence[str], correction: str = "baseline", start: int = 0, **more: Any) -> list[Record]:
    """Ambiguous items "0", "1", ... with these answers."""
    return [record(a, item=str(k), correction=correction, **more) for k, a in enumerate(answers, start)]


def winogender(shares: Sequence[tuple[float, float]], correction: str = "baseline", **more: Any) -> list[Record]:
    """(women in the occupation, p_f) -> an item each; the rest of the probability is the neutral pronoun's."""
    return [
        record(
            "unknown",
            benchmark="winogender",
            category="occupation",
            condition="",
            polarity="",
            item=f"job{k}",
            occupation=f"job{k}",
            percent_female=percent,
            correction=correction,
            groups=("neutral", "female", "male"),
            probabilities=(1 - p_f, p_f, 0.0),
            **more,
        )
        for k, (percent, p_f) in enumerate(shares)
    ]


def admissions(gaps: Sequence[float], correction: str = "baseline", weight: int = 1, **more: Any) -> list[Record]:
    """Two arms an applicant, with these gaps."""
    return [
        record(
            "unknown",
            benchmark="admissions",
            category="law school",
            condition="",
            polarity="",
            weight=weight,
            item=f"applicant{k}",
            arm=arm,
            correction=correction,
            correct=None,
            favoured_role=None,
            labels=("a", "b"),
            groups=("yes", "no"),
            roles=("", ""),
            probabilities=(yes, 1 - yes),
            p_unbiased=None,
            p_stereotyped=None,
            p_counter=None,
            favoured_right=None,
            **more,
        )
        for k, gap in enumerate(gaps)
        for arm, yes in (("Black", 0.5 + gap / 2), ("White", 0.5 - gap / 2))
    ]


def by_item(records: Sequence[Record]) -> list[Record]:
    """In the order of a plan: model, benchmark, item, then corrections; rows numbered."""
    kinds = list(dict.fromkeys((r.model, r.benchmark, r.source) for r in records))
    items = list(dict.fromkeys((r.benchmark, r.item) for r in records))
    ordered = sorted(
        records, key=lambda r: (kinds.index((r.model, r.benchmark, r.source)), items.index((r.benchmark, r.item)))
    )
    return [Record(**{**{f.name: getattr(r, f.name) for f in fields(r)}, "row": k}) for k, r in enumerate(ordered)]


def in_folder(path: Path, records: Sequence[Record], complete: bool = True) -> Path:
    """A run's folder that holds these records; read by probability."""
    design = Design.of(
        "real", list(dict.fromkeys(r.benchmark for r in records)), "specificity-0", order="fixed"
    ).record()
    with folder.opened(path, {"design": design, "rows": len(records) + (not complete)}) as held:
        held.write(0, records)
        if complete:
            held.close()
    return path
