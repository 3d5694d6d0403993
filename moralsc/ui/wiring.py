"""How events are wired: what goes with gradio's listeners in many places of the page."""

from typing import Any

from moralsc.ui.queues import MODEL_LIMIT, MODEL_QUEUE

# Progress on no component: shown or hidden, gradio's client copies all of those that may show it at every event.
PRIVATE: dict[str, Any] = {"show_progress": "hidden", "show_progress_on": [], "api_visibility": "private"}
# What asks no model stays out of the queue: a full queue must not hold up a visitor who stops, chooses or arrives.
AT_ONCE: dict[str, Any] = {**PRIVATE, "queue": False}
ASKING: dict[str, Any] = {**PRIVATE, "concurrency_id": MODEL_QUEUE, "concurrency_limit": MODEL_LIMIT}
