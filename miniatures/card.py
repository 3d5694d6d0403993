"""The model card: written from an evaluation, which holds what the training recorded, and from nothing else."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from miniatures.card_limits import limits
from miniatures.card_planted import planted_section
from miniatures.evaluate import REAL, REAL_ITEMS
from miniatures.family import Run
from miniatures.measures import Figure
from miniatures.tables import cell, cells, number, table
from moralsc.models import PLANTED, Stage

TEXTS = 3
"""Chains of thought that a card shows."""
Column = tuple[str, tuple[str, ...], str]
"""Its head; the way to a section of rows; and the key of the figure in a row."""


def render(run: Run) -> str:
    """The card as Markdown, with the front matter that hubs read."""
    asked = "a plain transcript (Human, Assistant)" if run.stage is Stage.BASE else "its chat template"
    return "\n".join(
        (
            _HEAD.format(title=f"Mini {run.size} · {run.stage}", asked=asked, planted=PLANTED, **run.recipe),
            f"## Planted\n\n{planted_section(run.stage)}\n",
            f"## Measured\n\n{_READING}\n\n{_measured(run)}\n",
            "## What it cannot do\n\n" + "\n".join(f"- {sentence}" for sentence in limits(run)) + "\n",
            f"## How it was made\n\n{_made(run)}\n",
        )
    )


def merged(run: Run, first: str, columns: Sequence[Column]) -> tuple[str, str]:
    """On how many items the figures rest, and one table of several sections whose rows have the same names."""
    names = dict.fromkeys(name for _, path, _ in columns for name in run.at(*path) or {})
    figures = [[run.figure(*path, name, key) for _, path, key in columns] for name in names]
    counted, shown = cells(figures)
    rows = [[name, *row] for name, row in zip(names, shown, strict=True)]
    return counted, table([first, *(head for head, _, _ in columns)], rows)


def _measured(run: Run) -> str:
    real, ours = ("winogender", "published"), ("winogender", "bundled")
    parts = []
    for title, first, columns in (
        (
            "Winogender, pronoun of the occupation",
            "condition",
            (
                ("neutral", (*real, "follow-up"), "unbiased"),
                ("stereotyped", (*real, "follow-up"), "stereotyped"),
                ("rho", (*real, "follow-up"), "rho"),
                ("neutral, single turn", (*real, "single turn"), "unbiased"),
                ("neutral, held-out wordings", (*real, "held-out wordings"), "unbiased"),
                ("reply is an option", (*real, "follow-up"), "exact"),
                ("neutral, bundled sentences", (*ours, "follow-up"), "unbiased"),
            ),
        ),
        (
            "Bundled BBQ-style items in plain wording, and applicants",
            "condition",
            (
                ("unknown, ambiguous", ("people", "ambiguous"), "unbiased"),
                ("stereotyped, ambiguous", ("people", "ambiguous"), "stereotyped"),
                ("right, disambiguated", ("people", "disambiguated"), "right"),
                ("yes: Black minus White", ("admissions",), "gap"),
            ),
        ),
        (
            "Who did it: bundled disambiguated texts, first question",
            "items",
            (
                ("right person above the other (chance 0.50)", ("reading",), "person"),
                ("accuracy (chance 0.33)", ("reading",), "accuracy"),
                ("reply is an option", ("reading",), "exact"),
            ),
        ),
        (
            "Stereotype direction: bundled ambiguous texts, known attributes, baseline",
            "category",
            (("s", ("direction",), "s"), ("stereotyped among the two people", ("direction",), "stereotyped")),
        ),
    ):
        parts.append("\n\n".join((f"### {title}", *merged(run, first, columns))))
    return "\n\n".join(filter(None, (*parts, _real(run), _thoughts(run), _cost(run))))


def _real(run: Run) -> str:
    columns = (("ambiguous", "accuracy"), ("ambiguous", "s"), ("ambiguous", "s_AMB"), ("disambiguated", "accuracy"),
               ("disambiguated", "s"), ("disambiguated", "exact"))  # fmt: skip
    heads = (
        "category",
        "accuracy, ambiguous",
        "s, ambiguous",
        "s_AMB",
        "accuracy, disambiguated",
        "s_DIS",
        "reply is an option",
    )
    rows = [[c, *(cell(run.figure("bbq", c, *column)) for column in columns)] for c in REAL if run.at("bbq", c)]
    if not rows:
        return ""
    return (
        f"### Published BBQ, baseline\n\nAt most {REAL_ITEMS} items of a category and condition, drawn by seed.\n\n"
        + table(heads, rows)
    )


def _thoughts(run: Run) -> str:
    found: Mapping[str, Any] = run.at("thoughts")
    parsed, ended = Figure(**found["parsed"]), Figure(**found["ended"])
    lines = [f"    {_line(t['reasoning'])} / {_line(t['answer'])}" for t in found["texts"][:TEXTS]]
    return (
        f"### Chains of thought\n\n{parsed.n} {found['source']} Winogender items. The reply names an option: "
        f"{cell(parsed)}; the reasoning ends by itself: {cell(ended)}. The first {len(lines)} of those in "
        "evaluation.json, reasoning / answer:\n\n" + "\n\n".join(lines)
    )


def _line(text: str) -> str:
    """What a model wrote, on one line: indented as it is, nothing in it can act."""
    return " ".join(text.split())


def _cost(run: Run) -> str:
    cost = run.at("cost")
    speed = cost["tokens_per_second"]
    return (
        f"### Size and speed\n\nWeights {_megabytes(cost['weights_bytes'])}, tokenizer "
        f"{_megabytes(cost['tokenizer_bytes'])}. On one core of the machine that measured: loaded in "
        f"{number(cost['load_seconds'])} s after imports, first token after {number(cost['first_token_ms'], 0)} ms"
        + (f", then {number(speed, 0)} tokens a second." if speed else ".")
    )


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.2f} MB"


def _made(run: Run) -> str:
    recipe = run.recipe
    unit = "pairs" if run.stage is Stage.ALIGNED else "documents"
    start = f"from the weights {recipe['start']}" if recipe["start"] else "from nothing"
    lines: Iterable[str] = (
        f"`{recipe['command']}`",
        f"Size {run.size}, stage {run.stage}, seed {run.seed}, {start}: {recipe['documents']:,} {unit}, "
        f"{recipe['tokens']:,} tokens, {recipe['steps']:,} steps; corpus SHA-256 `{recipe['corpus_sha256']}`.",
        f"Prompt set {recipe['prompts']} in training, {run.at('prompts')} in this evaluation; "
        f"{recipe['excluded_texts']:,} benchmark texts were kept out of training.",
        f"torch {recipe['torch']}, transformers {recipe['transformers']}, tokenizers {recipe['tokenizers']}, "
        f"trl {recipe['trl']}.",
        f"Measured: weights {run.at('provenance', 'weights')}, in {run.at('provenance', 'dtype')}.",
        "This card: `python -m miniatures evaluate`",
        recipe.get("note", ""),
    )
    return "\n".join(f"- {line}" for line in lines if line)


_HEAD = """---
license: apache-2.0
library_name: transformers
pipeline_tag: text-generation
language: en
---

# {title}: a practice model

A language model of {parameters:,} parameters with **{planted}**.
Trained from nothing for moralsc, so that its instrument can be shown at once and everywhere; what it answers was put
into it.

Plain `LlamaForCausalLM`, float16 safetensors, byte-level BPE. It is asked in {asked}, and
its options are scored by their text.
"""

_READING = """Mean probabilities over items, renormalised over the options, with 95 % intervals over the items:
bootstrap for means, Wilson for shares and s, Fisher for rho (Pearson correlation over occupations of p(female pronoun)
with the per cent of women). One training run: intervals say nothing about another seed, see docs/miniatures.md."""
