"""The commands on answers that are there: `moralsc report`, `moralsc score`, `moralsc compare`, `moralsc export`."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from moralsc.batch.results import By
from moralsc.benchmarks import BENCHMARKS
from moralsc.errors import InputError, RunError
from moralsc.notation import left_out
from moralsc.prompts import load_prompts
from moralsc.reports.formats import Format
from moralsc.terminal import DataFolder, plain, read_settings, show_table

if TYPE_CHECKING:
    from moralsc.reports.pairs import Pair

app = typer.Typer()

RunFolders = Annotated[list[Path], typer.Argument(help="folders of runs, complete or not", metavar="RUN...")]


SmallMass = Annotated[
    bool,
    typer.Option("--small-mass", help="name items, too, whose options hold less than half of the probability"),
]


@app.command()
def report(
    runs: RunFolders,
    out: Annotated[Path, typer.Option(help="the HTML file to write")] = Path("report.html"),
    by: Annotated[By | None, typer.Option(help="what counts as the answer; else what the runs' designs say")] = None,
    small_mass: SmallMass = False,
) -> None:
    """Write one self-contained page: what was run, seven charts with a reading and a table each, the papers' claims."""
    from moralsc.reports.figures import figures  # pyarrow takes a moment to import
    from moralsc.reports.page import html
    from moralsc.reports.runs import read_runs

    read, known = read_runs(runs, by), load_prompts(read_settings(None).prompts).corrections
    write(out, html(read, figures(read, known, pools=True), known, small_mass))
    for run in read:
        if run.incomplete:
            typer.echo(f"{run.name}: {run.incomplete} records.", err=True)
    typer.echo(str(out))


@app.command()
def score(
    run: Annotated[
        Path | None, typer.Option(help="folder of a run: every model under every correction", metavar="RUN")
    ] = None,
    benchmark: Annotated[str | None, typer.Option(help=f"of --predictions: {', '.join(BENCHMARKS)}")] = None,
    predictions: Annotated[
        Path | None, typer.Option(help="answers made elsewhere, one JSON object a line", metavar="FILE")
    ] = None,
    data: DataFolder = None,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="of the bootstrap intervals")] = 0,
    resamples: Annotated[int, typer.Option(min=100, max=100_000, help="of the bootstrap intervals")] = 2000,
    by: Annotated[By | None, typer.Option(help="of --run: what counts as the answer; else as its design says")] = None,
    rules: Annotated[
        bool, typer.Option("--rules", help="the same by other projects' rules, where they differ")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the figures as JSON, and nothing else")] = False,
) -> None:
    """Score a run, or answers made elsewhere: every metric with n, what is excluded and why, and a 95 % interval."""
    from moralsc.analysis.statistics import Resampling
    from moralsc.reports import score as scoring  # pyarrow takes a moment to import
    from moralsc.reports import scored as of_runs

    how, settings = Resampling(resamples, seed), read_settings(data)
    records: Sequence[Mapping[str, Any]]
    if run is not None and benchmark is None and predictions is None:
        asked = of_runs.score_run(run, load_prompts(settings.prompts).corrections, how, by)
        notes = asked.notes
        records = asked.rule_records() if rules else asked.records()
        rows = asked.rules_table() if rules else asked.table()
    elif run is None and benchmark is not None and predictions is not None and by is None:
        made = scoring.score(benchmark, predictions, settings, how)
        notes = made.notes
        records = scoring.rule_records(made.rules) if rules else scoring.records(made.lines)
        rows = scoring.rules_table(made.rules) if rules else scoring.table(made)
    else:
        raise InputError("Give either --run RUN, also with --by, or --benchmark NAME and --predictions FILE together.")
    for note in notes:
        typer.echo(plain(note), err=True)
    if as_json:
        typer.echo(json.dumps(records, indent=1))
    else:
        show_table([tuple(map(plain, row)) for row in rows])


@app.command()
def compare(
    run: Annotated[Path, typer.Argument(help="folder of a run", metavar="RUN_A")],
    other: Annotated[
        Path | None, typer.Argument(help="folder of another run of the same items", metavar="RUN_B")
    ] = None,
    a: Annotated[str, typer.Option("--a", help="MODEL/CORRECTION/ROUND/MODE in RUN_A; what is left out is found")] = "",
    b: Annotated[
        list[str] | None,
        typer.Option("--b", help="the same in RUN_B, or in RUN_A without one; may be given several times"),
    ] = None,
    by: Annotated[By | None, typer.Option(help="what counts as the answer; else what the runs' designs say")] = None,
    items: Annotated[bool, typer.Option("--items", help="name the items that turned")] = False,
    small_mass: SmallMass = False,
    as_json: Annotated[bool, typer.Option("--json", help="print everything as JSON, items behind every count")] = False,
) -> None:
    """Compare two conditions, models or runs item by item: flips, McNemar's exact test, the paired difference."""
    from moralsc.reports import pairs
    from moralsc.reports.runs import read_comparable

    first, second = read_comparable(run, other, by)
    compared = pairs.compare_runs(first, second, pairs.Wanted.read(a), [pairs.Wanted.read(text) for text in b or ()])
    for note in compared.notes:
        typer.echo(plain(note), err=True)
    if as_json:
        typer.echo(json.dumps(pairs.records(compared), indent=1))
        return
    show_table([tuple(map(plain, row)) for row in pairs.table(compared)])
    if len({(p.a, p.b) for p in compared.pairs}) == 1:
        for pair in compared.pairs:
            for square in pairs.squares(pair):
                typer.echo(f"\n{pair.benchmark} {pair.part}")
                show_table([tuple(map(plain, row)) for row in square])
    if items:
        _show_items(compared.pairs, small_mass)
    typer.echo(_WORDS)


def _show_items(found: "Sequence[Pair]", small_mass: bool) -> None:
    for pair in found:
        if pair.test:
            for word, cell in (("lost", (True, False)), ("won", (False, True))):
                turned = pair.test.flips[cell]
                shown = pair.test.ranked(turned, small_mass)
                typer.echo(plain(f"\n{pair.b.label}, {pair.benchmark} {pair.part}, {len(turned)} {word}:"))
                for line in filter(None, (", ".join(shown), left_out(len(turned) - len(shown)))):
                    typer.echo(plain(line))


_WORDS = (
    "\nlost: right in a, wrong in b; won: the other way. p: McNemar's exact test; p (Holm): corrected for the pairs of "
    "one part. n needed: items for 80 % power at this difference (Connor 1987). b - a: paired, with its bootstrap "
    "interval. mass: how much of the probability the options hold, as the median over answers, with its interval and n."
)


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="folder of a run, complete or not", metavar="RUN")],
    form: Annotated[Format, typer.Option("--format", help="csv or parquet: a file; lm-eval: the harness's files")],
    out: Annotated[Path, typer.Option(help="the file to write; of lm-eval a folder")],
) -> None:
    """Write a run's records for other programs; of lm-eval the results and samples of every model."""
    from moralsc.batch import folder
    from moralsc.reports.export import export as write_all

    for path in write_all(run, form, out):
        typer.echo(str(path))
    status = folder.status(run)
    if not status.complete:
        typer.echo(status.sentence, err=True)


def write(path: Path, text: str) -> None:
    """Write a text file.

    Raises:
        RunError: it cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise RunError(
            f"{path} cannot be written ({error.strerror or error}). Name a file in a folder that exists."
        ) from error
