"""The components of the section behind the figures: what stands where. No wiring here."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from moralsc.ui import dropped_card, updates, views
from moralsc.ui.behind import SORTS, Listing
from moralsc.ui.context import Context
from moralsc.ui.pieces import filled, heading, template

_CHOOSE = """
element.addEventListener('click', (e) => {
  const button = e.target.closest('button[data-row]');
  if (button) trigger('submit', { row: button.dataset.row });
});
"""
_HINT = (
    "Choose a row to see what the model was sent and what it said. Messages are shown as a plain transcript; a chat "
    "template writes marks of its own around them."
)


@dataclass(frozen=True)
class Parts:
    """What the section's events read and write. The states live on the server, one a visitor."""

    listing: gr.State
    opened: gr.State
    run: gr.Dropdown
    model: gr.Dropdown
    benchmark: gr.Dropdown
    correction: gr.Dropdown
    category: gr.Dropdown
    context: gr.Dropdown
    sort: gr.Dropdown
    search: gr.Textbox
    small: gr.Checkbox
    table: gr.HTML
    found: gr.HTML
    previous: gr.Button
    next: gr.Button
    which: gr.Dropdown
    dialogue: gr.HTML
    taking: gr.Row
    probe: gr.HTML
    html: gr.Button
    json: gr.Button
    status: gr.HTML
    file: gr.Textbox

    @property
    def choosers(self) -> list[Any]:
        """In the order of `Chosen`."""
        return [
            *(self.run, self.model, self.benchmark, self.correction, self.category, self.context),
            *(self.search, self.sort, self.small),
        ]


def build_parts(shared: Context) -> Parts:
    """Lay the section out inside the open gr.Blocks."""
    with gr.Column(elem_classes="m-group", elem_id="m-behind"):
        heading("Behind the figures")
        with gr.Row(elem_classes="m-choosers"):
            run = _dropdown("Run", "run")
            model = _dropdown("Model", "model")
            benchmark = _dropdown("Benchmark", "benchmark")
            correction = _dropdown("Correction", "correction")
            category = _dropdown("Category", "category")
            context = _dropdown("Context", "context")
            sort = gr.Dropdown(
                list(SORTS), value=SORTS[0], label="Sorted", min_width=140, filterable=False, elem_id="m-behind-sort"
            )
            search = gr.Textbox(label="Search", placeholder="id or category", min_width=140, elem_id="m-behind-search")
        small = gr.Checkbox(
            label="Rank items whose options hold less than half of the probability, too", elem_id="m-behind-small"
        )
        listing, open_item = gr.State(Listing()), gr.State(None)
        with gr.Row(elem_id="m-behind-columns"):
            with gr.Column(scale=14, min_width=340):
                table = filled("items", js_on_load=_CHOOSE, elem_id="m-behind-table")
                with gr.Row(elem_classes="m-pager"):
                    found = filled("status", value=updates.status(""))
                    previous = gr.Button("Previous page", size="sm", min_width=110, scale=0, interactive=False)
                    next_ = gr.Button("Next page", size="sm", min_width=110, scale=0, interactive=False)
            with gr.Column(scale=8, min_width=340):
                which = gr.Dropdown(
                    [], label="What followed the baseline", visible=False, filterable=False, elem_id="m-behind-which"
                )
                dialogue = told({"hint": _HINT}, elem_id="m-behind-dialogue")
                with gr.Row(visible=False, elem_id="m-behind-taking") as taking:
                    probe = filled("behind_link")
                    html = gr.Button("Item card (HTML)", size="sm", min_width=130, scale=0)
                    json_ = gr.Button("Item card (JSON)", size="sm", min_width=130, scale=0)
        dropped_card.build(shared)
        status = filled("status", value=updates.status(""), elem_id="m-behind-status")
    return Parts(
        *(listing, open_item, run, model, benchmark, correction, category, context, sort, search, small, table, found),
        *(previous, next_, which, dialogue, taking, probe, html, json_, status),
        gr.Textbox(visible=False),
    )


def _dropdown(label: str, name: str) -> gr.Dropdown:
    return gr.Dropdown([], label=label, min_width=140, filterable=False, elem_id=f"m-behind-{name}")


def told(value: views.View, **more: Any) -> gr.HTML:
    """A dialogue as the Probe tab draws it, with a hint before there is one, and a warning above it if need be."""
    before = '{{#if value.warning}}<p class="m-note">{{value.warning}}</p>{{/if}}'
    hint = '{{#if value.hint}}<p class="m-hint">{{value.hint}}</p>{{else}}'
    whole = f"{hint}{before}{template('dialogue')}{{{{/if}}}}"
    return gr.HTML(value, html_template=whole, apply_default_css=False, **more)
