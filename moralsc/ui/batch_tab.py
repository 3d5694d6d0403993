"""The Batch tab: whole benchmarks at a glance. Its sections stand one beneath the other, a module each."""

import gradio as gr

from moralsc.ui import behind_section, bring_section, claims_section, compare_section, explore_section, run_section
from moralsc.ui.context import Context
from moralsc.ui.explorer import Explorer
from moralsc.ui.library import Library
from moralsc.ui.own import OwnRuns, build_visitor


def build(context: Context, shown: gr.Tab) -> None:
    """Add the sections inside the open tab."""
    library = Library(context.settings, own=OwnRuns(context.runs, context.brought).of)
    explorer = Explorer(library, context.prompts.corrections)
    with gr.Column(elem_id="m-batch"):
        visitor = build_visitor()
        explored = explore_section.build(explorer, visitor, shown)
        behind_section.build(context, library, visitor, shown)
        compare_section.build(context, library, visitor, shown)
        claims_section.build(explorer, explored.selection)
        run_section.build(context, visitor)
        bring_section.build(context, library, visitor)
