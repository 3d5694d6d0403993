"""A page that holds the Run section alone, served with real child processes behind it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import gradio as gr
from served import MODEL

from moralsc.hosting.job import process, read_job
from moralsc.settings import Settings
from moralsc.ui import run_section
from moralsc.ui.app import build_app, launch
from moralsc.ui.context import Context, new_context
from moralsc.ui.own import build_visitor


@dataclass(frozen=True)
class RunPage:
    """A running page of the section.

    Attributes:
        url: its address, with a slash at the end.
    """

    url: str
    context: Context


def section(context: Context) -> gr.Blocks:
    """The section by itself."""
    app = gr.Blocks(title="runs", analytics_enabled=False, fill_width=True)
    with app:
        gr.Markdown("# moralsc")
        run_section.build(context, build_visitor())
    return app


@contextmanager
def serving_runs(cache: Path, whole: bool = False, **settings: int) -> Iterator[RunPage]:
    """Serve the section, or the whole page, on a free port. Runs go on when it ends, as they do when a server ends."""
    context = new_context(Settings(cache=cache, port=0, offline=True, open_with=(MODEL,), **settings))  # type: ignore[arg-type]
    ended = threading.Event()
    ticking = threading.Thread(target=context.runs.keep_going, args=(ended, 0.2), daemon=True)
    app = build_app(context) if whole else section(context)
    try:
        ticking.start()
        yield RunPage(launch(context.settings, block=False, app=app), context)
    finally:
        ended.set()
        app.close(verbose=False)


def end_runs(cache: Path) -> None:
    """End whatever a test has started."""
    for path in (cache / "runs").glob("*"):
        if (job := read_job(path)) and (running := process(job.ticket)):
            running.kill()
