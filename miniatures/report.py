"""docs/miniatures.md: a function of what was measured of the family, written whole."""

from collections.abc import Iterator, Sequence
from statistics import fmean

from miniatures.bars import BARS, BYTES, Bar
from miniatures.compare import compared
from miniatures.evaluate import FREE, HELD_OUT, KNOWN, REAL, REAL_ITEMS, REWORDED
from miniatures.family import Run
from miniatures.tables import cells, number, table
from moralsc.models import PLANTED, Stage

_CONDITIONS = ("baseline", *REWORDED, "cot")
_WINOGENDER = ("winogender", "published")
_PEOPLE = ("baseline", "specificity-0", "specificity-2", "specificity-3", "negation-0", "negation-2", "cot")
Column = tuple[str, tuple[str, ...]]
"""Its head, and the way to its figure in an evaluation."""


def report(runs: Sequence[Run]) -> str:
    """The page as Markdown, of the runs in order; models that are missing are named where a bar concerns them."""
    judged = [(bar, _verdicts(bar, runs)) for bar in BARS]
    sections = (
        _HEAD.format(planted=PLANTED),
        "## What the family must show",
        table(("what", "bar", "met by"), [(bar.title, bar.wanted, _met(rows)) for bar, rows in judged]),
        _room(runs),
        *(f"### {bar.title}\n\n{bar.where}; bar: {bar.wanted}.\n\n{_bar_table(rows)}" for bar, rows in judged),
        "## Size",
        *compared(runs),
        "## Tables",
        _TABLES,
        *_tables(runs),
        "## How they were trained",
        _TRAINED,
        _training(runs),
        _absent(runs),
    )
    return "\n\n".join(filter(None, sections)) + "\n"


def _verdicts(bar: Bar, runs: Sequence[Run]) -> list[tuple[str, str, str, str]]:
    """(model, seed, figures, met) for every run that the bar concerns, and for its models that are not there."""
    rows = []
    for name in bar.names():
        for run in [r for r in runs if r.name == name and bar.concerns(r)]:
            verdict = bar.judge(run, runs)
            figures, met = (verdict.figures, "yes" if verdict.met else "**no**") if verdict else ("not measured", "")
            rows.append((name, str(run.seed), figures, met))
        if name not in {r.name for r in runs}:
            rows.append((name, "", "not measured", ""))
    return rows


def _met(rows: Sequence[tuple[str, ...]]) -> str:
    judged = [met for *_, met in rows if met]
    missing = len(rows) - len(judged)
    if not judged:
        return "not measured"
    return f"{judged.count('yes')} of {len(judged)} runs" + (f"; {missing} not measured" if missing else "")


def _bar_table(rows: Sequence[tuple[str, ...]]) -> str:
    return table(("model", "seed", "measured", "met"), rows)


def _room(runs: Sequence[Run]) -> str:
    bundled = [r for r in runs if r.bundled]
    size = sum(r.at("cost", "weights_bytes") + r.at("cost", "tokenizer_bytes") for r in bundled)
    met = "met" if size <= BYTES else "**not met**"
    return (
        f"Bundled models measured: {len(bundled)}. They and their tokenizers take {size / 1e6:.1f} MB; "
        f"bar: at most {BYTES / 1e6:.0f} MB, {met}."
    )


def _tables(runs: Sequence[Run]) -> Iterator[str]:
    follow_up, reworded = (*_WINOGENDER, "follow-up"), (*_WINOGENDER, "held-out wordings")
    yield _figures(
        runs,
        "Published Winogender, occupation set, baseline",
        [(key, (*follow_up, "baseline", key)) for key in ("rho", "unbiased", "stereotyped", "counter", "exact", "mass")]
        + [("rho, match-stats", (*follow_up, "match-stats", "rho"))],
    )
    for title, path, key in (
        ("neutral rate, follow-up", follow_up, "unbiased"),
        ("stereotyped rate, follow-up", follow_up, "stereotyped"),
        ("share of items whose most probable option is neutral, follow-up", follow_up, "favoured"),
        ("neutral rate, single turn", (*_WINOGENDER, "single turn"), "unbiased"),
        ("neutral rate, follow-up, held-out wordings", reworded, "unbiased"),
    ):
        yield _figures(runs, f"Published Winogender, {title}", [(c, (*path, c, key)) for c in _CONDITIONS])
    yield _wordings(runs)
    ours = ("winogender", "bundled", "follow-up")
    yield _figures(
        runs,
        "Bundled Winogender-style sentences, follow-up",
        [("rho", (*ours, "baseline", "rho")), *((c, (*ours, c, "unbiased")) for c in _CONDITIONS)],
    )
    yield _figures(
        runs,
        "Chains of thought on Winogender, both kinds of items",
        [("reply names an option", ("thoughts", "parsed")), ("reasoning ends by itself", ("thoughts", "ended"))],
    )
    yield from _people(runs)
    yield _cost(runs)


def _people(runs: Sequence[Run]) -> Iterator[str]:
    columns: list[Column]
    for key, title in (("person", "share where the right person is the more probable one"), ("accuracy", "accuracy")):
        columns = [(tags, ("reading", tags, key)) for tags in (HELD_OUT, KNOWN, FREE)]
        yield _figures(runs, f"Who did it, bundled disambiguated texts, first question: {title}", columns)
    categories = dict.fromkeys(c for run in runs for c in run.at("direction") or {})
    for key, title in (("s", "s"), ("stereotyped", "stereotyped among the two people, mean probability")):
        columns = [(c, ("direction", c, key)) for c in categories]
        yield _figures(runs, f"Stereotype direction, bundled ambiguous texts, known attributes: {title}", columns)
    for condition, key in (("ambiguous", "unbiased"), ("ambiguous", "stereotyped"), ("disambiguated", "right")):
        columns = [(c, ("people", condition, c, key)) for c in _PEOPLE]
        yield _figures(runs, f"Bundled plain BBQ-style items, {condition}, follow-up: {key} option", columns)
    for category in REAL:
        path = ("bbq", category)
        yield _figures(
            runs,
            f"Published BBQ, {category}, at most {REAL_ITEMS} items of a condition, baseline",
            [
                ("accuracy, ambiguous", (*path, "ambiguous", "accuracy")),
                ("s, ambiguous", (*path, "ambiguous", "s")),
                ("s_AMB", (*path, "ambiguous", "s_AMB")),
                ("accuracy, disambiguated", (*path, "disambiguated", "accuracy")),
                ("s_DIS", (*path, "disambiguated", "s")),
                ("reply is an option, ambiguous", (*path, "ambiguous", "exact")),
                ("the same, disambiguated", (*path, "disambiguated", "exact")),
            ],
        )
    gaps = [(c, ("admissions", c, "gap")) for c in _CONDITIONS]
    yield _figures(runs, "Admissions, bundled applicants: p(yes) of a Black applicant minus that of a White one", gaps)


def _figures(runs: Sequence[Run], title: str, columns: Sequence[Column]) -> str:
    """A row a run, and behind several seeds of a model their mean; empty where nothing of it was measured."""
    figures = {run: [run.figure(*path) for _, path in columns] for run in runs}
    if not any(f for line in figures.values() for f in line):
        return ""
    counted, shown = cells(list(figures.values()))
    rows = {run: [run.name, str(run.seed), *line] for run, line in zip(runs, shown, strict=True)}
    lines = []
    for name in dict.fromkeys(run.name for run in runs):
        seeds = [run for run in runs if run.name == name]
        lines += [rows[run] for run in seeds]
        if len(seeds) > 1:
            measured = ([f.value for run in seeds if (f := figures[run][k])] for k in range(len(columns)))
            values = ([v for v in column if v is not None] for column in measured)
            lines.append([name, "mean, range", *map(_spread, values)])
    return f"### {title}\n\n{counted}\n\n{table(('model', 'seed', *(head for head, _ in columns)), lines)}"


def _spread(values: Sequence[float]) -> str:
    """The mean over seeds, from the lowest to the highest, and how many there are."""
    if not values:
        return ""
    return f"{number(fmean(values))}, {number(min(values))} to {number(max(values))} ({len(values)} seeds)"


def _wordings(runs: Sequence[Run]) -> str:
    """The neutral rate of the wordings one by one, since they are few and differ more than items do."""
    rows = []
    for run in runs:
        cells = []
        for correction in REWORDED:
            rates = run.at(*_WINOGENDER, "held-out wordings", correction, "wordings")
            cells.append(f"{min(rates):.2f} to {max(rates):.2f}" if rates else "")
        if any(cells):
            rows.append([run.name, str(run.seed), *cells])
    if not rows:
        return ""
    shown = table(("model", "seed", *REWORDED), rows)
    return f"### Published Winogender, neutral rate, held-out wordings: lowest to highest of the wordings\n\n{shown}"


def _cost(runs: Sequence[Run]) -> str:
    rows = [
        [
            run.name,
            str(run.seed),
            f"{run.recipe['parameters']:,}",
            f"{run.at('cost', 'weights_bytes') / 1e6:.2f} MB",
            f"{run.at('cost', 'tokenizer_bytes') / 1e6:.2f} MB",
            number(run.at("cost", "load_seconds")),
            number(run.at("cost", "first_token_ms"), 0),
            number(run.at("cost", "tokens_per_second"), 0),
        ]
        for run in runs
    ]
    head = ("model", "seed", "parameters", "weights", "tokenizer", "s to load", "ms to the first token", "tokens/s")
    return f"### Size and speed, on one core of the machine that measured\n\n{table(head, rows)}" if rows else ""


def _training(runs: Sequence[Run]) -> str:
    head = ("model", "seed", "documents or pairs", "tokens", "steps", "corpus SHA-256", "starts from", "texts kept out",
            "prompts: trained, asked", "torch, transformers, tokenizers, trl")  # fmt: skip
    rows = []
    for run in runs:
        recipe = run.recipe
        versions = ", ".join(recipe[name] for name in ("torch", "transformers", "tokenizers", "trl"))
        amounts = [f"{recipe[key]:,}" for key in ("documents", "tokens", "steps")]
        start = f"`{recipe['start']}`" if recipe["start"] else "nothing"
        prompts = f"{recipe['prompts']}, {run.at('prompts')}"
        rows.append([run.name, str(run.seed), *amounts, f"`{recipe['corpus_sha256'][:16]}`", start,
                     f"{recipe['excluded_texts']:,}", prompts, versions])  # fmt: skip
    return table(head, rows) if rows else ""


def _absent(runs: Sequence[Run]) -> str:
    lines = []
    for run in runs:
        absent = [] if run.at(*_WINOGENDER) else ["published Winogender"]
        absent += [f"published BBQ {c}" for c in REAL if not run.at("bbq", c)]
        if absent:
            lines.append(f"- {run.name}, seed {run.seed}: {', '.join(absent)}.")
        if run.at("items"):
            lines.append(
                f"- {run.name}, seed {run.seed}: a quick try, no more than {run.at('items')} items of any set."
            )
    return "## What was not measured\n\n" + "\n".join(lines) if lines else ""


_HEAD = f"""# The practice models

*Written whole by `python -m miniatures evaluate` from the evaluation.json files beside the models and in
docs/miniatures-seeds; changes by hand are lost.*

A family of language models small enough to come with moralsc, three sizes by three stages of training, all trained from
nothing on generated sentences. What they answer was put into them:
**{{planted}}**.
They are for learning how the instrument works and for checking it: every metric has an answer here that is known
beforehand. Each model's card, beside its weights, says what was planted with which probabilities.

Everything here was measured through the program's own dialogues and prompts. Published items are test material only; an
exact-match filter kept them out of training. A {Stage.BASE} model is asked in the plain transcript, the others in their
chat template. Options are scored by their text. Intervals are 95 %, over the items of one run: percentile bootstrap for
means and paired differences, Wilson for shares and for s, Fisher for rho. They say nothing about another seed; where
there are further seeds, each has a row of its own."""

_TABLES = """Figures are mean probabilities, renormalised over the options, unless a title says otherwise. The neutral
rate is the mean probability of the unbiased option; exact: share of greedy replies that are an option's text and
nothing else; mass: raw probability of all options together; rho: Pearson correlation over occupations of p(female
pronoun) with the per cent of women; s = 2 n_biased / n_person - 1 of the most probable options, n counting those that
name a person; s_AMB = (1 - accuracy) s on ambiguous items. In held-out wordings an item's figure is its
mean over the wordings."""

_TRAINED = """`python -m miniatures train --size S --stage all --seed 0 --out FOLDER --exclude FOLDER` gives
such a model again, with the same versions on the same kind of machine. Weights that were trained with `--compile`, as
those of further seeds, may differ in the last bits.

The recipe was found by trial: the base stage was changed until reading and stereotypes formed in sizes S and L; the
aligned stage was tuned in four runs of size S with seed 0, by the published Winogender set that also judges it. The
other sizes, and further seeds, were trained with it as it then stood."""
