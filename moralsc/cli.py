"""The command line: the same probe as the page's, in a terminal, and the benchmark files. The others:
`cli_models`, `cli_run`, `cli_report`.

Thin: it parses, calls, and prints. Nothing heavy is imported before a command needs it. Whatever a person may read as
an error is one sentence on standard error, with exit code 2.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import moralsc
from moralsc import cli_models, cli_report, cli_run
from moralsc.answers import Outcome
from moralsc.benchmarks import BENCHMARKS, fetch, find_item, sources_table
from moralsc.dialogue import Form, Mode, Status, Turn
from moralsc.engines.base import StopFlag, own_system
from moralsc.engines.pool import load_local
from moralsc.engines.store import Store
from moralsc.errors import ModelError, MoralscError
from moralsc.experiment import probe as probing
from moralsc.experiment.export import to_json
from moralsc.experiment.probe import Manner, Probe, figure, new_probe
from moralsc.items import BASELINE, Item, Role
from moralsc.models import find, find_for
from moralsc.models.endpoints import Patience
from moralsc.models.local import admit
from moralsc.notation import number, options_hold, signed
from moralsc.prompts import load_prompts
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
from moralsc.ui import texts

_OUTCOMES = {Outcome.REFUSED: "◇ refused", Outcome.UNPARSED: "? unparsed"}


class _Group(TyperGroup):
    """Says errors meant for a person in one sentence."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except MoralscError as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(2) from error


app = typer.Typer(cls=_Group, no_args_is_help=True, add_completion=False, rich_markup_mode=None)
data = typer.Typer(no_args_is_help=True, help="The benchmark files: what is here, and downloads.")
app.add_typer(data, name="data")
app.add_typer(cli_models.app, name="models")
app.add_typer(cli_run.app)
app.add_typer(cli_report.app)


def main() -> None:
    """The console script."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    app(prog_name="moralsc")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(moralsc.__version__)
        raise typer.Exit


@app.callback(help="Ask a language model an item of a bias benchmark, correct it, and watch the answer move.")
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="say the version")
    ] = False,
) -> None:
    pass


@app.command()
def ask(
    model: Annotated[str, typer.Option(help=MODEL)],
    benchmark: Annotated[str, typer.Option(help=f"{', '.join(BENCHMARKS)}; with :bundled for our own items")],
    item: Annotated[str, typer.Option(help="the item's id")],
    correct: Annotated[list[str] | None, typer.Option(help="a correction to apply; may be given several times")] = None,
    text: Annotated[str, typer.Option(help="your words, for the corrections that need them")] = "",
    mode: Annotated[Mode, typer.Option(help="where corrections stand")] = Mode.FOLLOW_UP,
    form: Annotated[Form, typer.Option(help="how the model answers")] = Form.PRIMED,
    temperature: Annotated[float, typer.Option(min=0, max=2, help="0 is greedy")] = 0.0,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="of drawing, and of the order of options")] = 0,
    shuffle: Annotated[bool, typer.Option("--shuffle", help="put the options in an order drawn from the seed")] = False,
    system: SystemText = None,
    no_system: NoSystem = False,
    prefill: PrefillName = "",
    prompts: PromptFile = None,
    data: DataFolder = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the whole record, and nothing else")] = False,
) -> None:
    """Ask a model an item, apply corrections, and show answers, verdicts and option probabilities."""
    settings = read_settings(data, prompts)
    prompt_set, chosen = load_prompts(settings.prompts), find_item(benchmark, item, settings)
    admit([model], settings)
    spec = find_for(model, chosen.benchmark)
    manner = Manner(mode, form, temperature, seed, shuffle, system_of(system, no_system), prefill)
    probe = new_probe(model, chosen, manner, prompt_set)
    corrections = [prompt_set.correction(id) for id in correct or ()]
    # What cannot be applied is said before a model is loaded and asked.
    for correction in corrections:
        probing.planned(probe.item, correction, prompt_set, spec, probe.manner, text)
    with show_loading(model):
        engine = load_local(
            model,
            settings.offline,
            progress=show_bytes,
            memory=settings.memory * 10**9,
            patience=Patience.of(settings),
            store=Store.of(settings),
        )
    show: Callable[[Iterator[Probe], int], Probe] = _run if as_json else partial(_show, wanted=form)
    if not as_json:
        _introduce(probe)
        typer.echo(plain(texts.system_line(manner.system, own_system(engine))))
    probe = show(probing.ask(probe, engine, prompt_set, StopFlag()), 0)
    for index, correction in enumerate(corrections, 1):
        probe = show(probing.apply(probe, correction, engine, prompt_set, StopFlag(), text), index)
    if as_json:
        typer.echo(to_json(probe))
    elif mark := texts.planted(model):
        typer.echo(f"\n{mark}")


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="address to listen on")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="port to listen on; 0 takes a free one")] = None,
    model: Annotated[
        list[str] | None, typer.Option(help=f"{MODEL}; offered first of all; may be given several times")
    ] = None,
    prompts: PromptFile = None,
    data: DataFolder = None,
) -> None:
    """Start the page. It opens with SmolLM2 135M Instruct where that is installed, or with the first --model."""
    settings = read_settings(data, prompts)
    settings = replace(settings, open_with=tuple(model or settings.open_with))
    settings = replace(settings, host=host or settings.host, port=settings.port if port is None else port)
    from moralsc.ui.app import launch

    launch(settings)


@data.command("list")
def list_sources(data: DataFolder = None) -> None:
    """List every source of items, with counts and verification."""
    header = ("benchmark", "part", "source", "items", "excluded", "state", "place", "licence")
    rows: list[Sequence[str]] = [header]
    for row in sources_table(read_settings(data)):
        counts = ("" if n is None else str(n) for n in (row.items, row.excluded))
        rows.append((row.benchmark, row.part, row.source, *counts, row.state, row.place, row.licence))
    show_table(rows)


@data.command("fetch")
def fetch_files(
    benchmark: Annotated[str, typer.Argument(help=f"one of {', '.join(BENCHMARKS)}")],
    category: Annotated[
        list[str] | None, typer.Option(help="one of its categories; may be given several times")
    ] = None,
) -> None:
    """Download published files at their pinned commit, and verify them."""
    settings = read_settings()
    for one in (*category,) if category else (None,):
        for path in fetch(benchmark, settings, one, show_bytes):
            typer.echo(f"{path.name}: here and verified ({path})")


def _introduce(probe: Probe) -> None:
    spec, item = find(probe.model), probe.item
    typer.echo(f"{spec.title}, {spec.amount}. {spec.nature}")
    typer.echo(f"{item.benchmark} {item.id}, {item.origin}. {item.note}".rstrip())
    for line in filter(None, (item.context, item.question)):
        typer.echo(plain(line))


def _run(states: Iterator[Probe], index: int) -> Probe:
    """The probe when turn `index` has ended in every arm; ModelError if it failed."""
    *_, probe = states
    for dialogue in probe.arms:
        if dialogue.turns[index].status is Status.FAILED:
            raise ModelError(dialogue.turns[index].error)
    return probe


def _show(states: Iterator[Probe], index: int, wanted: Form) -> Probe:
    """Like `_run`, and print the turn of every arm as it grows; `wanted` is how it was to be asked."""
    probe = _run(_shown(states, index, wanted), index)
    scores = tuple(a.turns[index].score for a in probe.arms)
    gap = figure(probe.arms[0].item, tuple(s for s in scores if s)) if len(probe.arms) == 2 else None
    if gap is not None:
        typer.echo(texts.gap_sentence(probe.item, gap))
    return probe


def _shown(states: Iterator[Probe], index: int, wanted: Form) -> Iterator[Probe]:
    printed: dict[int, int] = {}
    ended = set[int]()
    for probe in states:
        for arm, dialogue in enumerate(probe.arms):
            if arm in ended or index >= len(dialogue.turns):
                continue
            turn, item = dialogue.turns[index], dialogue.item
            if arm not in printed:
                _announce(turn, item, index)
            text = plain(_written(turn))
            typer.echo(text[printed.get(arm, 0) :], nl=False)
            printed[arm] = len(text)
            if turn.status is not Status.RUNNING:
                ended.add(arm)
                _conclude(turn, item, dialogue.turns[0], wanted)
        yield probe


def _announce(turn: Turn, item: Item, index: int) -> None:
    where = "" if turn.correction == BASELINE else f" ({turn.mode})"
    arm = f", {item.arm} applicant" if item.arm else ""
    typer.echo(f"\n{index + 1}. {turn.title}{where}{arm}")
    if turn.instruction:
        typer.echo("> " + plain(turn.instruction).replace("\n", "\n> "))


def _written(turn: Turn) -> str:
    """What stands on the assistant's side so far; it only ever grows."""
    begun = [e for k, e in enumerate(turn.exchanges) if k == 0 or e.reply or turn.status is not Status.RUNNING]
    return "\n".join(e.primer + e.reply for e in begun)


def _conclude(turn: Turn, item: Item, first: Turn, wanted: Form) -> None:
    typer.echo()
    if turn.answer is None:
        typer.echo(f"({turn.status})")
        return
    said = None if turn.answer.label is None else item.option(turn.answer.label)
    role = f"{_role(said.role) or 'answer'}: {plain(said.text)}" if said else ""
    typer.echo(f"{role or _OUTCOMES[turn.answer.outcome]} ({turn.answer.rule})")
    if turn.score is None:
        typer.echo(f"  {texts.NO_PROBABILITIES} {texts.without_opening(turn.form, wanted)}".rstrip())
        return
    shares, before = turn.score.probabilities, first.score.probabilities if first.score else {}
    width = max(len(o.text) for o in item.options)
    for option in item.options:
        p = shares[option.label]
        moved = signed(p - before[option.label]) if before and turn is not first else ""
        line = f"  ({option.label}) {plain(option.text).ljust(width)}  {number(p)}  {moved:>4}"
        typer.echo(f"{line}  {_role(option.role)}".rstrip())
    typer.echo(f"  Scored by {texts.SCORED_BY[turn.score.scored_by]}. {options_hold(turn.score.mass)}")
    if said and said.label != turn.score.favoured:
        typer.echo(f"  {texts.disagreement(item.option(turn.score.favoured).text)}")


def _role(role: Role | None) -> str:
    return f"{role.glyph} {role}" if role else ""
