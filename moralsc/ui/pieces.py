"""Components that every part of the page is made of."""

from importlib import resources
from typing import Any

import gradio as gr


def template(name: str) -> str:
    """A template that comes with the page."""
    return resources.files(__package__).joinpath("templates", f"{name}.html").read_text(encoding="utf-8")


def filled(name: str, **more: Any) -> gr.HTML:
    """A component that lays out plain values by a template of the page."""
    value = more.pop("value", {})
    return gr.HTML(value, html_template=template(name), apply_default_css=False, **more)


def heading(text: str, **more: Any) -> gr.HTML:
    """The heading of a section."""
    return gr.HTML(f'<h2 class="m-section">{text}</h2>', apply_default_css=False, **more)
