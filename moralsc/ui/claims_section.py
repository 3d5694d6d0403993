"""The claims section of the Batch tab: the papers' findings against the runs that Explore shows, filters apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from moralsc.ui.explorer import Explorer, Selection
from moralsc.ui.pieces import heading, template
from moralsc.ui.views import View, inert, keyed
from moralsc.ui.wiring import PRIVATE

if TYPE_CHECKING:
    from moralsc.analysis.claims import Finding

_NOTE = (
    "Each claim is tested on all figures of the runs shown above, whatever the filters leave out. It is supported if "
    "every part of it is, contradicted if one part is. Practice models never count as evidence."
)


def build(explorer: Explorer, selection: gr.State) -> None:
    """Add the section; it follows the runs that `selection` holds."""
    with gr.Column(elem_classes="m-group", elem_id="m-claims"):
        heading("What the papers claim")
        listed = gr.HTML({}, html_template=template("claims"), apply_default_css=False)

    def judge(selected: Selection) -> View:
        return view(explorer.findings(selected.folders)) if selected.folders else {}

    selection.change(judge, [selection], [listed], **PRIVATE)


def view(findings: tuple[Finding, ...]) -> View:
    """Findings as plain values for the template."""
    from moralsc.reports.claimed import COLUMNS, shown
    from moralsc.reports.words import plural

    claims: list[dict[str, Any]] = []
    for finding in map(shown, findings):
        n = len(finding["evidence"])
        claims.append(
            {
                "says": finding["says"],
                "paper": finding["paper"],
                "verdict": finding["verdict"],
                "cls": finding["verdict"].replace(" ", "-"),
                "count": f"{plural(n, 'figure')} for {plural(finding['parts'], 'part')}",
                "head": list(COLUMNS),
                "rows": [list(row) for row in finding["evidence"]],
            }
        )
    return keyed(inert({"note": _NOTE, "claims": claims}))
