"""What can be said of a model's weights before they are loaded."""

from contextlib import suppress

from moralsc.engines.weights import fingerprint, model_folder
from moralsc.errors import ModelError
from moralsc.models import Quantisation, find, hub


def known(model: str, dtype: str | None) -> dict[str, str]:
    """What the provenance of a model will say of its weights, as far as that is certain: weights, dtype, both or none.

    Args:
        dtype: the one that was asked for; without, it is settled when the model is loaded.
    """
    spec, facts = find(model), dict[str, str]()
    if spec.repo and (revision := hub.settled(spec)):
        facts["weights"] = f"{spec.repo}@{revision}" + (f"/{spec.gguf_file}" if spec.gguf_file else "")
    elif spec.path:
        with suppress(ModelError, OSError):  # files that are gone do not make another run of one that is complete
            facts["weights"] = f"sha256:{fingerprint(model_folder(spec) / spec.gguf_file)}"
    if dtype and spec.quantisation is Quantisation.NONE:
        facts["dtype"] = dtype
    return facts
