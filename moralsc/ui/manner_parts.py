"""What the Probe tab and the Run section let a visitor choose alike: the system message, and how an answer begins."""

from typing import Any

import gradio as gr

from moralsc.answers import ScoredBy
from moralsc.experiment.probe import MAX_TEXT
from moralsc.prompts import PromptSet
from moralsc.prompts.prefills import names
from moralsc.ui.wiring import AT_ONCE

TEMPLATES, NONE, WRITTEN = "template", "none", "text"
"""The choices of a system message: what the chat template writes, none, a text of one's own."""
MODELS = "model"
"""The choice of the opening that suits the model."""


def build_manner(prompts: PromptSet) -> dict[str, Any]:
    """Add the choices where the page is open: `system_kind`, `system` (the text) and `prefill`."""
    kind = gr.Radio(
        [("the chat template's", TEMPLATES), ("none", NONE), ("my own", WRITTEN)],
        value=TEMPLATES,
        label="The system message is",
        elem_classes="m-inline",
    )
    text = gr.Textbox(
        label="Your system message (it stands in links and files too)", lines=2, max_length=MAX_TEXT, visible=False
    )
    kind.input(lambda chosen: gr.update(visible=chosen == WRITTEN), kind, text, **AT_ONCE)
    openings = [(prompts.opening(ScoredBy.TEXT, name).text, name) for name in names()]
    prefill = gr.Dropdown(
        [("as suits the model", MODELS), *openings], value=MODELS, label="A short answer begins", filterable=False
    )
    return {"system_kind": kind, "system": text, "prefill": prefill}


def system_of(kind: str | None, text: str | None) -> str | None:
    """The choices as `Manner.system`; a text that is not written yet counts as not chosen."""
    if kind == NONE:
        return ""
    return text if kind == WRITTEN and text and text.strip() else None


def prefill_of(chosen: str | None) -> str:
    """The choice as `Manner.prefill`."""
    return "" if chosen in (None, MODELS) else str(chosen)


def shown(system: str | None, prefill: str) -> tuple[Any, Any, Any]:
    """What the three components show, as updates."""
    kind = TEMPLATES if system is None else WRITTEN if system else NONE
    return kind, gr.update(value=system or "", visible=kind == WRITTEN), prefill or MODELS
