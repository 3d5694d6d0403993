"""The Probe tab's components: what stands where. No wiring here.

Left is what is asked (model, item, corrections), right is what it did to the model (dialogue, ladder). On a phone the
style sheet puts the dialogue between the item and the corrections.
"""

from dataclasses import dataclass, fields
from typing import Any

import gradio as gr

from moralsc.benchmarks.own import LIMITS
from moralsc.dialogue import Form, Mode
from moralsc.experiment.probe import MAX_TEXT
from moralsc.prompts import PromptSet
from moralsc.ui.link import MAX_SEED, MAX_TEMPERATURE
from moralsc.ui.manner_parts import build_manner
from moralsc.ui.pieces import filled

OPTIONS = ("a", "b", "c")
NO_OPTION = "none"

# Keeps "what the model saw" open while text streams in, follows the newest turn, and on a phone brings it into view.
_FOLLOW = """
const open = new Set();
element.addEventListener('toggle', (e) => {
  const key = e.target.dataset.key;
  if (key) e.target.open ? open.add(key) : open.delete(key);
}, true);
let shown = 0;
watch('value', () => {
  element.querySelectorAll('details[data-key]').forEach((d) => { if (open.has(d.dataset.key)) d.open = true; });
  const turns = element.querySelector('.m-turns');
  const count = turns ? turns.children.length : 0;
  if (turns && count >= shown && !element.querySelector('details[open]')) turns.scrollTop = turns.scrollHeight;
  if (count > shown && window.matchMedia('(max-width: 820px)').matches)
    turns.lastElementChild.scrollIntoView({ block: 'center' });
  shown = count;
});
"""

# A download takes its time, and a problem has to be read: neither may begin below the edge of a phone. The button that
# offers another model is part of the line: one of gradio's, shown and hidden while an answer is streamed, makes its
# client lose what is streamed after that.
_STATUS = """
let shown = false;
watch('value', () => {
  const now = Boolean(element.querySelector('progress, .m-problem'));
  if (now && !shown) element.scrollIntoView({ block: 'nearest' });
  shown = now;
});
element.addEventListener('click', (e) => { if (e.target.id === 'm-instead') trigger('submit'); });
"""

# A click anywhere else in the lines opens nothing.
_OPEN_CARD = "element.addEventListener('click', (e) => { if (e.target.id === 'm-card-open') trigger('click'); });"


@dataclass(frozen=True)
class Parts:
    """Every component that an event reads or writes, by name. The states live on the server, one a visitor."""

    state_item: gr.State
    state_probe: gr.State
    state_chosen: gr.State
    state_steps: gr.State
    state_model: gr.State
    state_key: gr.State
    ticket: gr.Textbox
    file: gr.Textbox
    notice: gr.HTML
    size: gr.Dropdown
    model: gr.Radio
    model_line: gr.HTML
    clock: gr.Timer
    card_close: gr.Button
    card: gr.Markdown
    shelf: gr.Dropdown
    category: gr.Dropdown
    limit: gr.HTML
    fetch: gr.Button
    install: gr.Button
    condition: gr.Radio
    item: gr.Dropdown
    item_card: gr.HTML
    previous: gr.Button
    random: gr.Button
    next: gr.Button
    own: gr.Column
    own_context: gr.Textbox
    own_question: gr.Textbox
    own_options: tuple[gr.Textbox, gr.Textbox, gr.Textbox]
    own_unbiased: gr.Radio
    own_stereotyped: gr.Radio
    own_dimension: gr.Textbox
    own_use: gr.Button
    own_problem: gr.HTML
    ask: gr.Button
    stop: gr.Button
    ethical: gr.Radio
    unethical: gr.Radio
    more: gr.Radio
    text: gr.Textbox
    preview: gr.HTML
    apply: gr.Button
    climb: gr.Button
    mode: gr.Radio
    form: gr.Radio
    temperature: gr.Slider
    seed: gr.Number
    shuffle: gr.Checkbox
    system_kind: gr.Radio
    system: gr.Textbox
    system_line: gr.HTML
    prefill: gr.Dropdown
    dialogue: gr.HTML
    status: gr.HTML
    undo: gr.Button
    restart: gr.Button
    copy: gr.Button
    markdown: gr.Button
    json: gr.Button
    link: gr.Textbox
    ladder: gr.HTML

    @property
    def manner(self) -> list[Any]:
        """The inputs that say how things are asked, in the order of `choosing.manner_of`."""
        drawn = [self.mode, self.form, self.temperature, self.seed, self.shuffle]
        return [*drawn, self.system_kind, self.system, self.prefill]

    @property
    def model_state(self) -> list[Any]:
        """What `updates.model_line` names."""
        return [self.model_line, self.system_line, self.install, self.clock]

    @property
    def all(self) -> list[Any]:
        """Everything that an update may name."""
        values = [getattr(self, f.name) for f in fields(self)]
        return [v for v in values if not isinstance(v, tuple)]

    @property
    def buttons(self) -> list[Any]:
        """What a job switches off and on."""
        return [self.ask, self.apply, self.climb, self.stop, self.undo, self.restart, self.markdown, self.json]

    @property
    def drawn(self) -> list[Any]:
        """What shows a dialogue as it grows."""
        return [self.state_probe, self.dialogue, self.ladder, self.status]

    @property
    def own_fields(self) -> list[Any]:
        """The inputs of an item of the visitor's own."""
        return [
            self.own_context,
            self.own_question,
            *self.own_options,
            self.own_unbiased,
            self.own_stereotyped,
            self.own_dimension,
        ]


def build_header(value: dict[str, Any]) -> gr.HTML:
    """The page's header with its notices."""
    return filled("header", value=value)


def build_parts(notice: gr.HTML, prompts: PromptSet) -> Parts:
    """Lay the tab out inside the open gr.Blocks.

    Args:
        notice: the header, which stands outside the tab.
        prompts: whose opening of an answer can be chosen beside the named ones.
    """
    made: dict[str, Any] = {
        "state_item": gr.State(None),
        "state_probe": gr.State(None),
        "state_chosen": gr.State(""),
        "state_steps": gr.State(()),
        "state_model": gr.State(""),
        "state_key": gr.State(""),
        # Of the job that a button began, and a file on its way to the browser; neither is shown.
        "ticket": gr.Textbox(visible=False),
        "file": gr.Textbox(visible=False),
        "notice": notice,
    }
    with gr.Row(elem_id="m-columns"):
        with gr.Column(elem_id="m-left"):
            made |= _model() | _item() | _corrections(prompts)
        with gr.Column(elem_id="m-right"):
            made |= _answers()
    made |= _card()
    return Parts(**{f.name: made[f.name] for f in fields(Parts)})


def _model() -> dict[str, Any]:
    """The two axes of the catalogue: family and size, and the stages that exist there. A stage's value is a name."""
    made: dict[str, Any] = {}
    with gr.Column(elem_classes="m-group", elem_id="m-model-card"):
        with gr.Row():
            made["size"] = gr.Dropdown([], label="Model", filterable=True, min_width=148, scale=4)
            made["model"] = gr.Radio([], label="Stage", visible=False, elem_id="m-stage", min_width=190, scale=5)
        made["model_line"] = filled("model", js_on_load=_OPEN_CARD)
        made["install"] = gr.Button("", size="sm", visible=False, elem_id="m-install")
        made["clock"] = gr.Timer(1, active=False)
    return made


def _card() -> dict[str, Any]:
    """A model's card over the page; app.py's script shows it. Empty until it is opened."""
    with gr.Column(elem_id="m-card"), gr.Column(elem_id="m-card-sheet"):
        return {
            "card_close": gr.Button("Close", size="sm", elem_id="m-card-close"),
            "card": gr.Markdown("", elem_id="m-card-text", latex_delimiters=[]),
        }


def _item() -> dict[str, Any]:
    made: dict[str, Any] = {}
    with gr.Column(elem_classes="m-group", elem_id="m-item-card"):
        with gr.Row():
            made["shelf"] = gr.Dropdown([], label="Benchmark", filterable=False, min_width=120, scale=3)
            made["category"] = gr.Dropdown([], label="Category", filterable=False, min_width=100, scale=2)
        made["limit"] = filled("limit", value={"text": ""}, elem_id="m-limit")
        made["fetch"] = gr.Button("", size="sm", visible=False, elem_id="m-fetch")
        made["condition"] = gr.Radio([], label="Context", visible=False, elem_classes="m-inline")
        made["item"] = gr.Dropdown([], label="Item (type to search)", filterable=True)
        made |= _own()
        made["item_card"] = filled("item")
        with gr.Row(elem_id="m-ask-row"):
            made["previous"] = gr.Button("Back", min_width=40, scale=0, elem_id="m-previous")
            made["random"] = gr.Button("Random", min_width=84, scale=0, elem_id="m-random")
            made["next"] = gr.Button("Next", min_width=40, scale=0, elem_id="m-next")
            made["ask"] = gr.Button("Ask", variant="primary", interactive=False, elem_id="m-ask", min_width=80)
            made["stop"] = gr.Button("Stop", interactive=False, elem_id="m-stop", min_width=60, scale=0)
    return made


def _own() -> dict[str, Any]:
    with gr.Column(visible=False, elem_classes="m-own") as own:
        context = gr.Textbox(
            label="Context", lines=3, max_length=LIMITS["context"], placeholder="What happens. Leave out who did it."
        )
        question = gr.Textbox(label="Question", max_length=LIMITS["question"], placeholder="Who …?")
        options = tuple(
            gr.Textbox(label=f"Option {letter}", max_length=LIMITS["option"], placeholder=hint)
            for letter, hint in zip(OPTIONS, ("one person", "the other", "optional: cannot be known"), strict=True)
        )
        unbiased = gr.Radio(list(OPTIONS), value="c", label="Which option is unbiased?", elem_classes="m-inline")
        stereotyped = gr.Radio(
            [*OPTIONS, NO_OPTION], value="a", label="Which one follows the stereotype?", elem_classes="m-inline"
        )
        dimension = gr.Textbox(
            label="Social dimension (optional)", max_length=LIMITS["dimension"], placeholder="age, gender, …"
        )
        use = gr.Button("Use this item", size="sm")
        problem = filled("status", value={"text": "", "kind": ""})
    return {
        "own": own,
        "own_context": context,
        "own_question": question,
        "own_options": options,
        "own_unbiased": unbiased,
        "own_stereotyped": stereotyped,
        "own_problem": problem,
        "own_dimension": dimension,
        "own_use": use,
    }


def _corrections(prompts: PromptSet) -> dict[str, Any]:
    made: dict[str, Any] = {}
    with gr.Column(elem_classes="m-group", elem_id="m-corrections"):
        made["ethical"] = gr.Radio([], label="Correct it", elem_classes="m-rungs-choice ethical")
        made["unethical"] = gr.Radio([], label="Turn it unethical", elem_classes="m-rungs-choice unethical")
        made["more"] = gr.Radio([], label="Or", elem_classes="m-rungs-choice more")
        made["text"] = gr.Textbox(label="Your words", lines=2, max_length=MAX_TEXT, visible=False)
        made["preview"] = filled("preview")
        with gr.Row():
            made["apply"] = gr.Button("Apply", variant="primary", interactive=False, elem_id="m-apply", min_width=100)
            made["climb"] = gr.Button("Run the ladder", interactive=False, elem_id="m-climb", min_width=130)
        with gr.Accordion("How it is asked", open=False, elem_id="m-manner"):
            made["mode"] = gr.Radio(
                [("after the answer", Mode.FOLLOW_UP.value), ("with the item, afresh", Mode.SINGLE_TURN.value)],
                value=Mode.FOLLOW_UP.value,
                label="The instruction comes",
                elem_classes="m-inline",
            )
            made["form"] = gr.Radio(
                [("short, after a primer", Form.PRIMED.value), ("free", Form.FREE.value)],
                value=Form.PRIMED.value,
                label="The model answers",
                elem_classes="m-inline",
            )
            made["temperature"] = gr.Slider(
                0, MAX_TEMPERATURE, value=0, step=0.1, label="Temperature (0: always the likeliest word)"
            )
            with gr.Row():
                made["seed"] = gr.Number(value=0, precision=0, minimum=0, maximum=MAX_SEED, label="Seed", min_width=80)
                made["shuffle"] = gr.Checkbox(False, label="Shuffle the options", min_width=120)
            made |= build_manner(prompts)
            made["system_line"] = filled("system", value={"text": ""}, elem_id="m-system")
    return made


def _answers() -> dict[str, Any]:
    made: dict[str, Any] = {"dialogue": filled("dialogue", elem_id="m-dialogue", js_on_load=_FOLLOW)}
    with gr.Column(elem_id="m-after"):
        made["status"] = filled("status", elem_id="m-status", js_on_load=_STATUS)
        with gr.Row(elem_id="m-actions"):
            made["undo"] = gr.Button("Undo turn", size="sm", interactive=False)
            made["restart"] = gr.Button("Start over", size="sm", interactive=False)
            made["copy"] = gr.Button("Copy link", size="sm")
            made["markdown"] = gr.Button("Markdown", size="sm", interactive=False)
            made["json"] = gr.Button("JSON", size="sm", interactive=False)
        made["link"] = gr.Textbox(label="Link", visible=False, interactive=False, buttons=["copy"], elem_id="m-link")
    made["ladder"] = filled("ladder", elem_id="m-ladder")
    return made
