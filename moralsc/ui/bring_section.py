"""The section of the Batch tab that takes results from elsewhere: a file, what came of it, and what was brought."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from moralsc.errors import MoralscError
from moralsc.hosting.brought import BroughtRun
from moralsc.ui import views
from moralsc.ui.context import Context
from moralsc.ui.library import Library, folder_at
from moralsc.ui.own import SAY_CHANGED, Visitor, checked, time_of
from moralsc.ui.pieces import filled, heading
from moralsc.ui.updates import Updates, answering, status
from moralsc.ui.wiring import PRIVATE

# What is brought is read and measured at once: one file at a time, so that the page stays quick.
_READING: dict[str, Any] = {**PRIVATE, "concurrency_id": "bring", "concurrency_limit": 1}
_LIST = """
element.addEventListener('click', (e) => {
  const button = e.target.closest('button[data-remove]');
  if (button) trigger('submit', { id: button.dataset.remove });
});
setTimeout(() => trigger('select'), 0);
"""
# Before gradio sees a file: its own word on one that is too large would be a passing toast without advice.
_TOO_LARGE = """
const refuse = (e) => {
  if (!element.isConnected) return ['change', 'drop'].forEach((kind) => window.removeEventListener(kind, refuse, true));
  if (!document.getElementById('m-bring-file')?.contains(e.target)) return;
  const large = [...(e.target.files || e.dataTransfer?.files || [])].find((file) => file.size > %d);
  if (!large) return;
  e.stopImmediatePropagation();
  e.preventDefault();
  if (e.target.files) e.target.value = '';
  else e.target.dispatchEvent(new DragEvent('dragleave', { bubbles: true }));
  trigger('input', { name: large.name, bytes: large.size });
};
for (const kind of ['change', 'drop']) window.addEventListener(kind, refuse, true);
"""
_MB = 2**20  # as gradio counts
_LONG_NAME = 60
_NOTE = (
    "A run's folder as .zip, its records.parquet, or predictions as moralsc score reads them (.jsonl), at most "
    "{mb} MB. You alone see it, in the lists above, for as long as this browser keeps its data{days}."
)


@dataclass(frozen=True)
class Parts:
    """What the section's events read and write."""

    file: gr.File
    said: gr.HTML
    brought: gr.HTML


def build(context: Context, library: Library, visitor: Visitor) -> None:
    """Add the section where the app is open; nothing where no file may be brought."""
    if not context.settings.bring_mb:
        return
    p = _build_parts(context)
    handlers = Handlers(context, library, p)
    outputs = [p.file, p.said, p.brought]
    done = p.file.upload(handlers.bring, outputs=outputs, **visitor.before([p.file]), **_READING)
    done.failure(_refused, None, [p.file, p.said], **PRIVATE)
    look = answering(handlers.look, p.said)
    p.brought.select(look, outputs=[p.brought, p.said], **visitor.before([]), **PRIVATE)
    p.brought.input(handlers.too_large, None, p.said, **PRIVATE)
    remove = answering(handlers.remove, p.said)
    p.brought.submit(remove, outputs=[p.brought, p.said], **visitor.before([]), **PRIVATE)


def _build_parts(context: Context) -> Parts:
    days = context.settings.run_days
    kept = f", and for {days} days at most" if days else ""
    with gr.Column(elem_classes="m-group", elem_id="m-bring"):
        heading("Bring results")
        filled("run_missing", value={"text": _NOTE.format(mb=context.settings.bring_mb, days=kept)})
        # No list of endings: what a file is, is told by its content, and every other gets our sentence.
        file = gr.File(label="A file with results", height=76, elem_classes="m-drop", elem_id="m-bring-file")
        said = filled("status", value=status(""), elem_id="m-bring-status")
        script = _LIST + SAY_CHANGED + _TOO_LARGE % (context.settings.bring_mb * _MB)
        brought = filled("brought_list", value={"runs": None}, js_on_load=script, elem_id="m-brought")
    return Parts(file, said, brought)


def _refused() -> list[Any]:
    """Gradio's queue was full, or it broke off."""
    return [None, status("That did not work: the page may be busy. Try again.", problem=True)]


class Handlers:
    """Handlers of the section's events. Nothing in a file is trusted, and no text of it reaches the page as HTML."""

    def __init__(self, context: Context, library: Library, parts: Parts) -> None:
        self._context, self._library, self._parts = context, library, parts

    def look(self, visitor: str) -> Updates:
        """The visitor's list as it is now."""
        return {self._parts.brought: self._view(visitor)}

    def bring(self, visitor: str, path: str | None) -> Iterator[Updates]:
        """A file was brought: keep its run, or say what is wrong with it."""
        p = self._parts
        if not path:
            yield {p.said: status("")}
            return
        file = Path(path)
        yield {p.said: status(f"Reading {file.name} …")}
        try:
            brought, said = self._taken(checked(visitor), file)
            note = " ".join((f"{brought.label.name} stands in the lists now. {said}", *brought.label.notes))
            yield {p.file: None, p.said: status(note), p.brought: self._view(visitor)}
        except MoralscError as error:
            yield {p.file: None, p.said: status(str(error), problem=True)}
        finally:
            with suppress(OSError):
                file.unlink()

    def too_large(self, event: gr.EventData) -> dict[str, Any]:
        """A file that the browser did not even send."""
        data: dict[str, Any] = event._data if isinstance(event._data, dict) else {}
        name, size = _name(Path(str(data.get("name", "")))), float(data.get("bytes") or 0) / _MB
        most = self._context.settings.bring_mb
        said = (
            f"{name} has {size:.0f} MB; at most {most} MB can be brought. Zip the run's folder, or bring a part of it."
        )
        return status(said, problem=True)

    def _taken(self, visitor: str, file: Path) -> tuple[BroughtRun, str]:
        from moralsc.reports.incoming import receive

        model, said = _name(file), list[str]()
        name = f"{model} (brought)"

        def fill(into: Path) -> tuple[str, ...]:
            received = receive(file, into, self._context.settings, model)
            opened = self._library.open(folder_at(into, name))  # measured, so that no figure fails later
            said.append(_sentence(received.run.incomplete, opened.run.models, opened.held.benchmarks))
            return received.notes

        return self._context.brought.take(visitor, name, fill), said[0]

    def remove(self, event: gr.EventData, visitor: str) -> Updates:
        """Its button was pressed."""
        id = str(event._data.get("id", "")) if isinstance(event._data, dict) else ""
        self._context.brought.remove(id, checked(visitor))
        return {self._parts.brought: self._view(visitor), self._parts.said: status("Removed.")}

    def _view(self, visitor: str) -> views.View:
        runs = self._context.brought.runs(checked(visitor))
        shown = [
            {
                "id": run.id,
                "name": run.label.name,
                "notes": " ".join(run.label.notes),
                "created": time_of(run.label.created),
            }
            for run in runs
        ]
        return views.keyed(views.inert({"here": True, "runs": shown, "seen": " ".join(run.id for run in runs)}))


def _name(file: Path) -> str:
    """What it is called: the file's name, without marks that could mean something."""
    return re.sub(r"[^\w.()+-]+", " ", file.stem)[:_LONG_NAME].strip() or "results"


def _sentence(incomplete: str, models: Iterable[str], benchmarks: Sequence[str]) -> str:
    far = f"It is {incomplete}. " if incomplete else ""
    return f"{far}It holds answers of {_few(list(models))} to {_few(benchmarks)}."


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
