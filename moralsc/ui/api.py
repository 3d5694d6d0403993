"""The public API: `ask`, `correct` and `ladder`, for gradio_client, curl and agents.

Every call stands alone: it names model, item and corrections, and returns the whole record that the page would
download. Nothing is kept between calls, so no call can change another's dialogue.
"""

import functools
import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import gradio as gr
from gradio.events import api

from moralsc.dialogue import Form, Mode
from moralsc.engines.base import StopFlag
from moralsc.errors import InputError, MoralscError, choose
from moralsc.experiment import probe as probing
from moralsc.experiment.export import to_record
from moralsc.experiment.ladder import climb
from moralsc.experiment.probe import MAX_TURNS, Manner, Probe
from moralsc.models import find, find_for
from moralsc.models.offer import find_offered, first
from moralsc.ui.context import Context
from moralsc.ui.link import MAX_SEED, MAX_TEMPERATURE, Step
from moralsc.ui.queues import API_LIMIT, API_QUEUE
from moralsc.ui.runs import failure


def build(context: Context) -> None:
    """Add the three endpoints to the open app."""

    def ask(
        model: str,
        benchmark: str,
        item: str,
        mode: str = Mode.FOLLOW_UP.value,
        form: str = Form.PRIMED.value,
        temperature: float = 0.0,
        seed: int = 0,
        shuffle: bool = False,
        system: str | None = None,
        prefill: str = "",
    ) -> dict[str, Any]:
        """Ask an item and nothing else.

        Args:
            model: a name of the catalogue, such as "smollm2-135m-instruct-q4"; empty for what the page opens with.
            benchmark: an item set, such as "winogender:bundled" or "bbq".
            item: the item's id, such as "b-nurse.sailor.0".
            mode: "follow-up" or "single-turn"; matters for corrections only.
            form: "primed" (short, after a primer) or "free".
            temperature: 0 is greedy, at most 2.
            seed: of drawing, a whole number from 0.
            shuffle: put the options in an order drawn from the seed.
            system: a system message; empty for none, null for what the model's chat template writes by itself.
            prefill: name of the answer's opening, "set" for the prompt set's own; empty for the model's.

        Returns:
            The record: item, messages, reply, answer, option probabilities, revisions and versions; "mark" holds what
            must stand with results of a practice model, and is empty for other models.
        """
        probe = _new(context, model, benchmark, item, _manner(mode, form, temperature, seed, shuffle, system, prefill))
        return to_record(_asked(context, probe))

    def correct(
        model: str,
        benchmark: str,
        item: str,
        corrections: list[str],
        texts: list[str] | None = None,
        mode: str = Mode.FOLLOW_UP.value,
        form: str = Form.PRIMED.value,
        temperature: float = 0.0,
        seed: int = 0,
        shuffle: bool = False,
        system: str | None = None,
        prefill: str = "",
    ) -> dict[str, Any]:
        """Ask an item, then apply corrections one after the other.

        Args:
            corrections: ids in order, such as ["specificity-1", "review"].
            texts: a person's own words for "feedback" and "custom", in the order of those corrections.
            model, benchmark, item, mode, form, temperature, seed, shuffle, system, prefill: as for `ask`.

        Returns:
            The record, a turn for the baseline and one for each correction; it ends with a turn that failed.
        """
        probe = _new(context, model, benchmark, item, _manner(mode, form, temperature, seed, shuffle, system, prefill))
        steps = _steps(context, probe, corrections, texts or [])
        return to_record(_corrected(context, _asked(context, probe), steps))

    def ladder(
        model: str,
        benchmark: str,
        item: str,
        mode: str = Mode.FOLLOW_UP.value,
        form: str = Form.PRIMED.value,
        temperature: float = 0.0,
        seed: int = 0,
        shuffle: bool = False,
        system: str | None = None,
        prefill: str = "",
    ) -> dict[str, Any]:
        """Score every rung of an item at once: unethical, baseline, ethical, and those off the ladder.

        Args:
            model, benchmark, item, mode, form, temperature, seed, shuffle, system, prefill: as for `ask`.

        Returns:
            The record, with the baseline's turn and the ladder's option probabilities.
        """
        probe = _new(context, model, benchmark, item, _manner(mode, form, temperature, seed, shuffle, system, prefill))
        engine = context.engines.get(probe.model)
        return to_record(_last(climb(probe, engine, context.prompts, StopFlag())))

    for endpoint in (ask, correct, ladder):
        # Gradio would publish the first paragraph alone, without the parameters.
        whole = inspect.getdoc(endpoint)
        api(
            _readable(endpoint),
            api_name=endpoint.__name__,
            api_description=whole,
            concurrency_id=API_QUEUE,
            concurrency_limit=API_LIMIT,
        )


def _readable(endpoint: Any) -> Any:
    """The endpoint, with errors that a person may read passed on as such."""
    signature = inspect.signature(endpoint)

    @functools.wraps(endpoint)
    def call(*args: Any, **kwargs: Any) -> dict[str, Any]:
        try:
            _check(signature.bind(*args, **kwargs).arguments)
            result: dict[str, Any] = endpoint(*args, **kwargs)
        except MoralscError as error:
            raise gr.Error(str(error), print_exception=False) from error
        return result

    return call


_KINDS: dict[str, tuple[Any, str]] = {
    "temperature": (int | float, f"a number from 0 to {MAX_TEMPERATURE:g}"),
    "seed": (int, f"a whole number from 0 to {MAX_SEED}"),
    "shuffle": (bool, "true or false"),
    "system": (str | None, "a text or null"),
    "corrections": (list, "a list of texts"),
    "texts": (list | None, "a list of texts"),
}


def _check(given: Mapping[str, Any]) -> None:
    """A client's JSON may hold a value of any type in any place."""
    for name, value in given.items():
        kind, allowed = _KINDS.get(name, (str, "a text"))
        if not isinstance(value, kind) or (isinstance(value, list) and not all(isinstance(v, str) for v in value)):
            raise InputError(f"{name} is {repr(value)[:60]}. Allowed: {allowed}.")


def _manner(
    mode: str, form: str, temperature: float, seed: int, shuffle: bool, system: str | None, prefill: str
) -> Manner:
    if not 0 <= temperature <= MAX_TEMPERATURE:
        raise InputError(f"temperature is {temperature}. Allowed: {_KINDS['temperature'][1]}.")
    if not 0 <= seed <= MAX_SEED:
        raise InputError(f"seed is {seed}. Allowed: {_KINDS['seed'][1]}.")
    chosen = Mode(choose("mode", mode, list(Mode))), Form(choose("form", form, list(Form)))
    return Manner(*chosen, temperature, seed, shuffle, system, prefill)


def _new(context: Context, model: str, benchmark: str, item: str, manner: Manner) -> Probe:
    spec = find_offered(model, context.settings) if model else first(context.settings)
    chosen = context.shelf.get(benchmark, item)
    return probing.new_probe(find_for(spec.name, chosen.benchmark).name, chosen, manner, context.prompts)


def _asked(context: Context, probe: Probe) -> Probe:
    engine = context.engines.get(probe.model)
    return _last(probing.ask(probe, engine, context.prompts, StopFlag()))


def _steps(context: Context, probe: Probe, corrections: list[str], texts: list[str]) -> list[Step]:
    """The corrections, each with its text; all is checked before anything is asked."""
    if len(corrections) >= MAX_TURNS:
        raise InputError(f"{len(corrections)} corrections were given. Allowed: at most {MAX_TURNS - 1}.")
    planned = [context.prompts.correction(id) for id in corrections]
    wanted = sum(c.needs_text for c in planned)
    if len(texts) != wanted:
        raise InputError(f"{len(texts)} texts were given, and the corrections need {wanted}.")
    words = iter(texts)
    steps = [Step(c.id, next(words) if c.needs_text else "") for c in planned]
    for correction, step in zip(planned, steps, strict=True):
        spec = find(probe.model)
        probing.planned(probe.arms[0].item, correction, context.prompts, spec, probe.manner, step.text)
    return steps


def _corrected(context: Context, probe: Probe, steps: list[Step]) -> Probe:
    engine = context.engines.get(probe.model)
    for step in steps:
        if failure(probe):
            break
        correction = context.prompts.correction(step.correction)
        probe = _last(probing.apply(probe, correction, engine, context.prompts, StopFlag(), step.text))
    return probe


def _last(probes: Iterator[Probe]) -> Probe:
    *_, last = probes
    return last
