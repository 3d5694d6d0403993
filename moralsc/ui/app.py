"""The app: builds the page and launches it. Building has no side effects; nothing is loaded before it is asked for."""

import os
import threading
from functools import partial
from importlib import resources
from typing import Any

import gradio as gr

from moralsc.errors import InputError
from moralsc.models.offer import first
from moralsc.settings import Settings
from moralsc.ui import api, batch_tab, probe_tab, texts
from moralsc.ui.context import Context, new_context
from moralsc.ui.loading import in_background
from moralsc.ui.theme import theme
from moralsc.ui.wiring import AT_ONCE, PRIVATE

# ?present=1 is for projectors: see "Presenting" in style.css. The card is a dialog that gradio has no part for: while
# it is open the rest of the page cannot be reached, Escape closes it, and the focus returns to where it came from.
_JS = """() => {
  const params = new URLSearchParams(window.location.search);
  const root = document.documentElement;
  root.classList.toggle('present', params.get('present') === '1');
  const card = (open) => {
    const sheet = document.getElementById('m-card-sheet');
    root.classList.toggle('m-card-shown', open);
    document.getElementById('m-columns').inert = open;
    for (const [name, value] of Object.entries({ role: 'dialog', 'aria-modal': 'true', 'aria-label': 'Model card' }))
      sheet.setAttribute(name, value);
    for (const part of sheet.querySelectorAll('table, #m-card-text')) part.tabIndex = 0;
    document.getElementById('m-card-text').scrollTop = 0;
    document.getElementById(open ? 'm-card-close' : 'm-card-open').focus();
  };
  window.moralsc = { card };
  document.addEventListener('keydown', (e) => {
    if (e.key === 'Escape' && root.classList.contains('m-card-shown')) card(false);
  });
}"""


def build_app(context: Context) -> gr.Blocks:
    """The page and the public API, not launched."""
    app = gr.Blocks(title=texts.TITLE, analytics_enabled=False, delete_cache=(3600, 3600), fill_width=True)
    with app:
        # First, so that its public names are not taken by handlers of the tab.
        api.build(context)
        header = probe_tab.header()
        with gr.Tabs(elem_id="m-tabs") as tabs:
            with gr.Tab("Probe", id="probe"):
                probe_tab.build(context, app, header)
            with gr.Tab("Batch", id="batch") as batch:
                batch_tab.build(context, batch)
        app.load(_opened_tab, None, tabs, **AT_ONCE)
        _hide_renders(app)
    return app


def _opened_tab(request: gr.Request) -> Any:
    """`?tab=batch` opens the page there."""
    return gr.Tabs(selected="batch") if request.query_params.get("tab") == "batch" else gr.skip()


def _hide_renders(app: gr.Blocks) -> None:
    """Treat gr.render as `wiring.PRIVATE` treats other events: it takes no such arguments of its own."""
    for event in app.fns.values():
        if event.renderable:
            event.api_visibility = PRIVATE["api_visibility"]
            event.show_progress_on = PRIVATE["show_progress_on"]


def launch(settings: Settings, *, block: bool = True, app: gr.Blocks | None = None) -> str:
    """Build and serve the page.

    Args:
        settings: where to listen, and what to offer.
        block: wait until the server is stopped.
        app: one that is built already, as tests have.

    Returns:
        The local address.

    Raises:
        InputError: the port cannot be used.
    """
    # Gradio would otherwise look up its own hosts at start, and sum up all past events after each one.
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", "1000000000")
    context = None
    if app is None:
        context = new_context(settings)
        app = build_app(context)
    app.queue(max_size=settings.queue, default_concurrency_limit=8)
    try:
        address = _serve(app, settings, block)
    except OSError as error:
        taken = f"Port {settings.port} on {settings.host} cannot be used: something else may be listening there."
        raise InputError(f"{taken} Choose another PORT.") from error
    if context is not None:
        for keeper in (context.runs, context.brought):
            threading.Thread(target=keeper.keep_going, args=(threading.Event(),), daemon=True).start()
        prepare(context)  # now that the page can be had: both want the same processors
    if block:
        app.block_thread()
    return address


def prepare(context: Context) -> threading.Thread:
    """Load the model that the page opens with, then the results that it shows; aside, and whatever comes of it."""
    model = first(context.settings).name
    return in_background(partial(context.ahead.load, context.engines, model, _say), context.explorer.prepare)


def _say(line: str) -> None:
    print(line, flush=True)


def _serve(app: gr.Blocks, settings: Settings, block: bool) -> str:
    address: str
    _, address, _ = app.launch(
        server_name=settings.host,
        server_port=settings.port or None,
        theme=theme(),
        css=resources.files(__package__).joinpath("style.css").read_text(encoding="utf-8"),
        js=_JS,
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        show_error=False,
        enable_monitoring=False,
        max_file_size=f"{max(settings.bring_mb, 1)}mb",
        state_session_capacity=1000,
        prevent_thread_lock=True,
        quiet=not block,
    )
    return address
