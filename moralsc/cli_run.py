"""The command of whole benchmarks: `moralsc run`."""

import math
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from moralsc.batch.crew import Crew, ElsewhereError, join
from moralsc.batch.design import LADDER, MAX_ROUNDS, Design, Order
from moralsc.batch.head import HEAD
from moralsc.batch.plan import Plan, make_plan
from moralsc.batch.progress import Progress
from moralsc.benchmarks import EXAMPLE
from moralsc.dialogue import Form, Mode
from moralsc.engines.fit import check_asked
from moralsc.models import mark
from moralsc.models.local import admit
from moralsc.notation import duration
from moralsc.prompts import load_prompts
from moralsc.settings import Settings
from moralsc.terminal import (
    MODEL,
    DataFolder,
    NoSystem,
    PrefillName,
    PromptFile,
    SystemText,
    plain,
    read_settings,
    show_bytes,
    show_loading,
    show_table,
    system_of,
)
from moralsc.ui.texts import planted

if TYPE_CHECKING:
    from moralsc.batch.summary import Position

app = typer.Typer()

_EVERY_SECONDS, _WATCHED_SECONDS = 30.0, 0.2
_REFUSED, _INTERRUPTED = 2, 130


@app.command()
def run(
    model: Annotated[list[str], typer.Option(help=f"{MODEL}; may be given several times")],
    benchmark: Annotated[
        list[str], typer.Option(help=f"NAME[:bundled][:CATEGORY,...], such as {EXAMPLE}; may be given several times")
    ],
    out: Annotated[Path, typer.Option(help="the run's folder; an unfinished run in it goes on")],
    corrections: Annotated[
        str,
        typer.Option(help=f"ladder, ids of corrections, rounds=K (0 to {MAX_ROUNDS}) of review after each; or none"),
    ] = LADDER,
    mode: Annotated[Mode, typer.Option(help="where corrections stand")] = Mode.FOLLOW_UP,
    form: Annotated[Form, typer.Option(help="how the model answers")] = Form.PRIMED,
    order: Annotated[
        Order | None,
        typer.Option(
            help="of the options: the item's own, one drawn from the seed, each option once in each place, or all; by "
            "default balanced, and fixed where practice models alone are asked"
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="most items of each category, drawn from the seed")] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="of drawing, orders and the sample")] = 0,
    temperature: Annotated[float, typer.Option(min=0, max=2, help="0 is greedy")] = 0.0,
    spoken: Annotated[
        bool, typer.Option("--spoken", help="generate corrected answers too, not only score them")
    ] = False,
    texts: Annotated[bool, typer.Option("--texts", help="keep what was sent in full, not only its hash")] = False,
    system: SystemText = None,
    no_system: NoSystem = False,
    prefill: PrefillName = "",
    batch: Annotated[int, typer.Option(min=1, max=4096, help="dialogues asked together")] = 16,
    dtype: Annotated[str | None, typer.Option(help="float32, bfloat16 or float16")] = None,
    device_map: Annotated[str | None, typer.Option(help="auto: spread each model over all cards")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="show the plan and stop")] = False,
    prompts: PromptFile = None,
    data: DataFolder = None,
) -> None:
    """Ask models whole benchmarks, correct them, and write every answer to a folder; goes on where it was stopped."""

    def said() -> tuple[Design, Settings]:
        design = Design.of(
            model,
            benchmark,
            corrections,
            mode=mode,
            form=form,
            order=order,
            limit=limit,
            seed=seed,
            temperature=temperature,
            spoken=spoken,
            texts=texts,
            system=system_of(system, no_system),
            prefill=prefill,
            batch=batch,
        )
        settings = read_settings(data, prompts)
        admit(design.models, settings)
        check_asked(dtype, device_map)
        return design, settings

    crew, line = join(), _Line()
    with _speaking_once(crew, out, line):
        design, settings = crew.alike(said)
        if dry_run:
            plan = crew.alike(lambda: make_plan(design, load_prompts(settings.prompts), settings))
            if crew.main:
                _show_plan(plan)
            crew.leave()
            return
        from moralsc.batch.run import run as start  # pyarrow takes a moment to import

        start(
            design,
            out,
            settings,
            dtype=dtype,
            device_map=device_map,
            crew=crew,
            on_plan=_show_plan,
            on_progress=line.show,
            on_work=line.show,
            on_load=show_loading,
            on_download=show_bytes,
        )
    if crew.main:
        _report(out, design)
    crew.leave()


class Terminated(KeyboardInterrupt):
    """The process was told to end by a signal: by its launcher since another has ended, or by a scheduler."""


@contextmanager
def _speaking_once(crew: Crew, out: Path, line: "_Line") -> Iterator[None]:
    """Whatever stops a run is said, and of a crew by the process that knows best."""
    if crew.size > 1:
        signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    except ElsewhereError:
        raise typer.Exit(_REFUSED) from None
    except KeyboardInterrupt as stop:
        if crew.size > 1:  # the launcher hands on what the terminal has sent already
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        line.end()
        if crew.main:
            typer.echo(_stopped(out), err=True)
        elif isinstance(stop, Terminated):
            typer.echo(f"Process {crew.number + 1} of {crew.size} was told to end; what it wrote is kept.", err=True)
        raise typer.Exit(_INTERRUPTED) from None
    finally:
        line.end()
        if crew.size > 1:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _terminate(*_: object) -> NoReturn:
    raise Terminated


def _stopped(out: Path) -> str:
    from moralsc.batch import folder

    if not (out / HEAD).is_file():
        return "Stopped before anything was asked."
    return f"Stopped. {folder.status(out).sentence} The same command goes on from there."


def _show_plan(plan: Plan) -> None:
    for part in plan.data:
        excluded = "".join(f"; {n} excluded: {reason}" for reason, n in part.excluded.items())
        typer.echo(plain(f"{part.key}: {len(part.chosen)} of {part.here} items ({part.origin}){excluded}"))
    for sentence in plan.skipped:
        typer.echo(sentence)
    typer.echo(f"Order {plan.design.order}. {plan.design.order.sentence}")
    typer.echo(
        f"Plan: items {plan.items}, dialogues {plan.dialogues}, conditions to score {plan.rows} (a forward pass each, "
        f"or shared), texts to generate {plan.replies}, batches {len(plan.batches)}."
    )


class _Line:
    """One line that is rewritten where a person watches, and a line now and then elsewhere; the last one always."""

    def __init__(self) -> None:
        self._watched = sys.stderr.isatty()
        self._every = _WATCHED_SECONDS if self._watched else _EVERY_SECONDS
        self._shown = -math.inf
        self._open = False

    def show(self, progress: Progress) -> None:
        now = time.monotonic()
        if now - self._shown < self._every and progress.done < progress.planned:
            return
        self._shown = now
        right = ", ".join(f"{side} {share:.2f}" for side, share in progress.right.items())
        parts = (f"{progress.model}: {progress.done} of {progress.planned} records", *progress.words)
        text = ", ".join(parts) + (f"; right: {right}" if right else "")
        if self._watched:  # a line that wraps cannot be rewritten
            text = text[: shutil.get_terminal_size().columns - 1]
        typer.echo(f"\r\x1b[2K{text}" if self._watched else text, err=True, nl=not self._watched)
        self._open = self._watched

    def end(self) -> None:
        if self._open:
            typer.echo(err=True)
        self._open = False


def _report(out: Path, design: Design) -> None:
    from moralsc.analysis.mass import EXPLAINED
    from moralsc.batch import folder, summary

    status, by = folder.status(out), summary.answered_by(design)
    parts = summary.by_benchmark(folder.records(out), by)
    show_table(summary.table([line for key, found in parts.items() for line in summary.lines(*key, found)]))
    typer.echo(
        f"\nAnswers by {by.words}; `moralsc score --run {out} --by {by.other}` reads {by.other.words}. lost/won: right "
        "before and wrong after, wrong before and right after."
    )
    _show_positions(design, [p for key, found in parts.items() for p in summary.placed(*key, found)])
    if held := summary.mass_table(parts):
        typer.echo(f"\n{EXPLAINED}")
        show_table(held)
    failed = Counter(record.failure for record in folder.records(out) if record.failure)
    if failed:
        typer.echo(f"Failed: {', '.join(f'{n} {why}' for why, n in failed.items())}. Each record holds its reason.")
    for name in design.models:
        if mark(name):
            typer.echo(f"{name}: {planted(name)}")
    spent = f"{duration(status.seconds)} of asking" + (f", {status.tokens} tokens" if status.tokens else "")
    typer.echo(f"{status.sentence} {spent}. {out / folder.RECORDS}")


def _show_positions(design: Design, found: "Sequence[Position]") -> None:
    from moralsc.batch import summary

    typer.echo("\nPosition: the share of answers that name the option shown first, second, ...")
    show_table(summary.position_table(found))
    for sentence in dict.fromkeys((design.order.sentence, *(p.tally.sentence for p in found))):
        typer.echo(sentence)
