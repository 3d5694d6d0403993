"""What can be run on this machine, and the Run section's controls as a Design."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from moralsc.batch.design import Design, Order, Selection, default_order
from moralsc.benchmarks import BENCHMARKS, ITEM_SETS, Source, available
from moralsc.dialogue import Form, Mode
from moralsc.engines.weights import model_folder
from moralsc.errors import InputError, ModelError, MoralscError, choose
from moralsc.models import ModelSpec
from moralsc.models.offer import find_offered
from moralsc.settings import Settings
from moralsc.ui.manner_parts import prefill_of, system_of
from moralsc.ui.texts import category_title, set_title

USUAL = "usual"
"""The order that `default_order` chooses for the models."""
NO_GPU = (
    "A run is a process of its own, which gets no GPU on this Space: it asks the practice models. Ask others item by "
    "item in the Probe tab, or run the command on a machine of your own."
)


def design_of(
    models: Sequence[str] | None,
    benchmarks: Sequence[str] | None,
    categories: Sequence[str] | None,
    corrections: Sequence[str] | None,
    rounds: float | None,
    mode: str | None,
    form: str | None,
    order: str | None,
    limit: float | None,
    seed: float | None,
    system_kind: str | None = None,
    system: str | None = None,
    prefill: str | None = None,
) -> Design:
    """The section's controls as a Design.

    Raises:
        InputError: something is missing or not allowed; the sentence says what is.
    """
    if not models:
        raise InputError("Choose at least one model.")
    if not benchmarks:
        raise InputError("Choose at least one benchmark.")
    return Design(
        models=tuple(models),
        benchmarks=tuple(_selection(key, categories or ()) for key in benchmarks),
        corrections=tuple(corrections or ()),
        rounds=_whole("rounds", rounds) or 0,
        mode=Mode(choose("mode", mode or Mode.FOLLOW_UP, Mode)),
        form=Form(choose("form", form or Form.PRIMED, Form)),
        order=default_order(models) if order in (None, USUAL) else Order(choose("order", order, Order)),
        limit=_whole("limit", limit),
        seed=_whole("seed", seed) or 0,
        system=system_of(system_kind, system),
        prefill=prefill_of(prefill),
    )


def smaller_designs(design: Design, settings: Settings) -> Iterator[Design]:
    """Designs that ask some of the items; if these are too many already, the others need not be counted."""
    here = [s.categories or available(s.benchmark, s.source, settings) for s in design.benchmarks]
    parts = sum(map(len, here)) * len(design.models)
    most = settings.run_items
    for limit in dict.fromkeys((most // parts + 1, most + 1)) if most and parts else ():
        if design.limit is None or design.limit > limit:
            yield replace(design, limit=limit)


def _selection(key: str, categories: Sequence[str]) -> Selection:
    name, source = ITEM_SETS[choose("benchmark", key, ITEM_SETS)]
    named = [Selection.read(text) for text in categories]
    mine = [s.categories[0] for s in named if (s.benchmark, s.source) == (name, source)]
    return Selection(name, source, tuple(mine))


def _whole(name: str, value: float | None) -> int | None:
    if value is None:
        return None
    if not float(value).is_integer():
        raise InputError(f"{name} is {value:g}. Allowed: a whole number.")
    return int(value)


def sets(settings: Settings) -> list[str]:
    """Keys of the item sets that are on this machine."""
    return [key for key, (name, source) in ITEM_SETS.items() if available(name, source, settings)]


def category_choices(settings: Settings, benchmarks: Sequence[str]) -> list[tuple[str, str]]:
    """(title, key) of the categories of these sets that are here; of sets that have several."""
    found = []
    for key in benchmarks:
        name, source = ITEM_SETS[choose("benchmark", key, ITEM_SETS)]
        here = available(name, source, settings)
        if len(here) > 1:
            title = set_title(key)
            found += [(f"{title}: {category_title(c)}", Selection(name, source, (c,)).key) for c in here]
    return found


def missing(settings: Settings) -> str:
    """What cannot be run here: published items that are not here and how to get them, models; empty if all can."""
    pinned, own = list[str](), list[str]()
    for name, benchmark in BENCHMARKS.items():
        if not available(name, Source.PUBLISHED, settings):
            files = [file for part in benchmark.parts.values() for file in part]
            (pinned if all(file.repository for file in files) else own).append(name)
    said = [NO_GPU] if settings.zero_gpu else []
    if pinned:
        titles = ", ".join(BENCHMARKS[name].title for name in pinned)
        here = " and ".join(BENCHMARKS[name].title for name in pinned if BENCHMARKS[name].bundles)
        beside = f", or {here} in the Probe tab" if here else ""
        said.append(
            f"Published items that are not here: {titles}. Download them with moralsc data fetch NAME "
            f"(NAME: {', '.join(pinned)}){beside}."
        )
    if own:
        titles = ", ".join(BENCHMARKS[name].title for name in own)
        said.append(f"Read from a folder of the server's (MORALSC_DATA) and never downloaded: {titles}.")
    return " ".join(said)


def runnable(spec: ModelSpec, settings: Settings) -> bool:
    """Whether the model is here, or may be downloaded."""
    try:
        check_runnable(spec, settings)
    except MoralscError:
        return False
    return True


def check_runnable(spec: ModelSpec, settings: Settings) -> None:
    """Raise the InputError or ModelError that says why a model cannot run here."""
    find_offered(spec.name, settings)
    if settings.zero_gpu and not spec.bundled:
        raise ModelError(NO_GPU)
    if not spec.address and (settings.offline or not spec.repo):
        model_folder(spec, settings.cache, offline=True)
