"""The Batch tab: whole benchmarks at a glance. Its sections stand one beneath the other, a module each."""

import gradio as gr

from moralsc.ui import behind_section, bring_section, claims_section, compare_section, explore_section, run_section
from moralsc.ui.context import Context
from moralsc.ui.own import build_visitor
from moralsc.ui.pieces import filled

_SECTIONS = {
    "m-filters": "Explore",
    "m-behind": "Behind",
    "m-compare": "Compare",
    "m-claims": "Claims",
    "m-run-title": "Run",
    "m-bring": "Bring",
}
# Gradio's page has a base address, so that a plain "#…" would load the page anew, without the tab.
_GO = """
const go = (e) => {
  if (!element.isConnected) return document.removeEventListener('click', go);
  const to = document.getElementById(e.target.closest('#m-batch a[href^="#"]')?.getAttribute('href').slice(1));
  if (!to) return;
  e.preventDefault();
  to.scrollIntoView();
  to.tabIndex = -1;
  to.focus({ preventScroll: true });
};
document.addEventListener('click', go);
"""


def build(context: Context, shown: gr.Tab) -> None:
    """Add the sections inside the open tab."""
    explorer, library = context.explorer, context.explorer.library
    bring = bool(context.settings.bring_mb)
    with gr.Column(elem_id="m-batch"):
        visitor = build_visitor()
        links = [{"to": to, "name": name} for to, name in _SECTIONS.items() if to != "m-bring" or bring]
        filled("sections", value={"links": links}, js_on_load=_GO, elem_id="m-sections")
        explored = explore_section.build(explorer, visitor, shown)
        behind_section.build(context, library, visitor, shown)
        compare_section.build(context, library, visitor, shown)
        claims_section.build(explorer, explored.selection)
        run_section.build(context, visitor)
        bring_section.build(context, library, visitor)
