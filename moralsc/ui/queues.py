"""Names of gradio's queues. What speaks with a model shares one; everything else stays quick meanwhile."""

MODEL_QUEUE = "model"
# Gradio takes the limit of a queue from whichever of its events comes first: each of them must name it.
MODEL_LIMIT = 2
# A call of the API loads its model too, and may wait long for it: it holds up other calls, and nobody at the page.
API_QUEUE = "api"
LOAD_QUEUE = "load"
# Whoever waits for a download holds up nobody: a place in this queue is a thread that sleeps.
LOAD_LIMIT = 24
