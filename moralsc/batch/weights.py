"""What can be said of a model's weights before they are loaded."""

from contextlib import suppress
from pathlib import Path

from moralsc.engines.weights import model_folder, weights_of
from moralsc.errors import ModelError
from moralsc.models import Quantisation, find, hub


def known(model: str, dtype: str | None, cache: Path) -> dict[str, str]:
    """What the provenance of a model will say of its files, as far as that is certain before it is loaded.

    Args:
        cache: the user's, where sums of large files are kept.
        dtype: the one that was asked for; without, it is settled when the model is loaded.
    """
    spec, facts = find(model), dict[str, str]()
    if spec.repo and (revision := hub.settled(spec)):
        facts["weights"] = f"{spec.repo}@{revision}" + (f"/{spec.gguf_file}" if spec.gguf_file else "")
    elif spec.path or spec.package:
        with suppress(ModelError, OSError):  # files that are gone do not make another run of one that is complete
            folder = model_folder(spec, cache)
            facts["weights"] = weights_of(spec, folder, cache)
    if dtype and spec.quantisation is Quantisation.NONE:
        facts["dtype"] = dtype
    return facts
