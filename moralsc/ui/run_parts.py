"""The Run section's components: what stands where. No wiring here."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from moralsc.batch.design import LADDER, MAX_ROUNDS, Order, Selection
from moralsc.benchmarks import BENCHMARKS, ITEM_SETS, Source
from moralsc.dialogue import Form, Mode
from moralsc.models import catalogue
from moralsc.prompts import PromptSet
from moralsc.ui import run_views
from moralsc.ui.manner_parts import build_manner
from moralsc.ui.own import SAY_CHANGED
from moralsc.ui.pieces import heading, template
from moralsc.ui.run_choices import USUAL
from moralsc.ui.texts import category_title, model_title, set_title

SETS = tuple(key for key, (name, source) in ITEM_SETS.items() if source is Source.BUNDLED and BENCHMARKS[name].compared)
LIMIT = 20
"""With a practice model, these make a run of less than a minute."""

# A click on a button of the list; the focus is never lost with a button that goes. "focus" when the list comes into
# sight, and "select" again and again while a run is open and somebody can see it: a hidden tab or page asks nothing.
_LIST = """
element.addEventListener('click', (e) => {
  const button = e.target.closest('button[data-act]');
  if (!button || button.disabled) return;
  const { act, id } = button.dataset;
  trigger(act === 'download' ? 'download' : 'submit', { act, id });
});
let held = '', asked = false;
element.addEventListener('focusin', (e) => { held = e.target.dataset.act || ''; });
element.addEventListener('focusout', (e) => { if (e.relatedTarget) held = ''; });
watch('value', () => {
  const keep = element.querySelector('[data-act=keep]');
  if (keep && !asked) keep.focus({ preventScroll: true });
  else if (held && document.activeElement === document.body) element.querySelector('h2').focus({ preventScroll: true });
  asked = Boolean(keep);
});
let shown = false;
const look = () => {
  if (!element.isConnected) return clearInterval(timer);
  const now = !document.hidden && element.offsetParent !== null;
  if (now && !shown) { trigger('focus'); trigger('select'); }
  else if (now && element.querySelector('[data-open]')) trigger('select');
  shown = now;
};
const timer = setInterval(look, 1000);
setTimeout(look, 0);
"""


@dataclass(frozen=True)
class RunParts:
    """Every component that an event of the section reads or writes.

    Attributes:
        state_planned: the Design that the plan on the page shows; on the server, so that Start runs what was planned.
        state_asking: id of the run whose removal has to be confirmed.
    """

    state_planned: gr.State
    state_asking: gr.State
    models: gr.Dropdown
    limits: gr.HTML
    benchmarks: gr.CheckboxGroup
    missing: gr.HTML
    categories: gr.Dropdown
    corrections: gr.Dropdown
    limit: gr.Number
    seed: gr.Number
    rounds: gr.Slider
    mode: gr.Radio
    form: gr.Radio
    order: gr.Radio
    system_kind: gr.Radio
    system: gr.Textbox
    prefill: gr.Dropdown
    plan: gr.Button
    start: gr.Button
    status: gr.HTML
    plan_view: gr.HTML
    command: gr.Textbox
    runs: gr.HTML
    list_status: gr.HTML
    file: gr.DownloadButton

    @property
    def asked(self) -> list[Any]:
        """What a design is made of, in the order of `run_choices.design_of`."""
        chosen = [self.models, self.benchmarks, self.categories, self.corrections, self.rounds]
        manner = [self.mode, self.form, self.order, self.limit, self.seed]
        return [*chosen, *manner, self.system_kind, self.system, self.prefill]


def build_parts(prompts: PromptSet, opening: str) -> RunParts:
    """Lay the section out inside the open gr.Blocks.

    Args:
        opening: name of the model that is chosen at first.
    """
    made: dict[str, Any] = {
        "state_planned": gr.State(None),
        "state_asking": gr.State(""),
        "file": gr.DownloadButton(visible=False),
    }
    heading("Run whole benchmarks", elem_id="m-run-title")
    with gr.Row(elem_id="m-run"):
        with gr.Column(elem_id="m-run-choose", elem_classes="m-group"):
            made |= _choices(prompts, opening)
        with gr.Column(elem_id="m-run-shown"):
            made["plan_view"] = _html("run_plan", run_views.no_plan())
            made["command"] = gr.Textbox(
                label="The same in a terminal",
                lines=2,
                interactive=False,
                visible=False,
                buttons=["copy"],
                elem_classes="m-run-command",
            )
            made["list_status"] = _html("status", {"text": "", "kind": ""}, elem_id="m-run-list-status")
            made["runs"] = _html("run_list", {"jobs": None, "open": False}, js_on_load=_LIST + SAY_CHANGED)
    return RunParts(**made)


def _choices(prompts: PromptSet, opening: str) -> dict[str, Any]:
    # Everything that could be chosen on some machine is a choice at first, so that what a page sends is understood
    # after a restart of the server too; what is here is said when the section is seen.
    models, keys = list(catalogue().values()), list(ITEM_SETS)
    corrections = [LADDER, *(id for id, c in prompts.corrections.items() if not c.needs_text)]
    titles = [(run_views.correction_title(id, prompts.corrections), id) for id in corrections]
    made: dict[str, Any] = {}
    made["models"] = gr.Dropdown(
        [(model_title(spec), spec.name) for spec in models], value=[opening], multiselect=True, label="Models"
    )
    made["benchmarks"] = gr.CheckboxGroup(
        [(set_title(key), key) for key in keys], value=list(SETS), label="Benchmarks", elem_classes="m-inline"
    )
    made["limits"] = _html("limit", {"text": ""}, elem_id="m-run-limits")
    made["missing"] = _html("run_missing", {"text": ""})
    made["categories"] = gr.Dropdown(
        _all_categories(), value=[], multiselect=True, label="Categories (none chosen: all)"
    )
    made["corrections"] = gr.Dropdown(
        titles, value=[LADDER], multiselect=True, label="Corrections (none chosen: baselines alone)"
    )
    with gr.Row():
        made["limit"] = gr.Number(LIMIT, label="Items per category", placeholder="all", min_width=120)
        made["seed"] = gr.Number(0, label="Seed", min_width=80)
    with gr.Accordion("How it is asked", open=False, elem_id="m-run-manner"):
        made |= _manner() | build_manner(prompts)
    with gr.Row():
        made["plan"] = gr.Button("Plan", variant="secondary", elem_id="m-run-plan", min_width=80)
        made["start"] = gr.Button("Start", variant="primary", interactive=False, elem_id="m-run-start", min_width=80)
    made["status"] = _html("status", {"text": "", "kind": ""}, elem_id="m-run-status")
    return made


def _manner() -> dict[str, Any]:
    return {
        "mode": _radio("The instruction comes", {k: run_views.MODES[k] for k in Mode}),
        "form": _radio("Answers are", {k: run_views.FORMS[k] for k in Form}),
        "order": gr.Radio(
            [("as suits the models", USUAL), *((order.words, order.value) for order in Order)],
            value=USUAL,
            label="Order of the options",
            info="Real models: each option once in each place. Practice models alone: the item's own.",
            elem_classes="m-inline",
        ),
        "rounds": gr.Slider(0, MAX_ROUNDS, value=0, step=1, label="Rounds of review after each correction"),
    }


def _radio(label: str, titles: dict[Any, str]) -> gr.Radio:
    choices = [(title, key.value) for key, title in titles.items()]
    return gr.Radio(choices, value=choices[0][1], label=label, elem_classes="m-inline")


def _all_categories() -> list[tuple[str, str]]:
    return [
        (f"{set_title(key)}: {category_title(c)}", Selection(name, source, (c,)).key)
        for key, (name, source) in ITEM_SETS.items()
        for c in BENCHMARKS[name].categories
    ]


def _html(name: str, value: dict[str, Any], **more: Any) -> gr.HTML:
    return gr.HTML(value, html_template=template(name), apply_default_css=False, **{"js_on_load": None, **more})
