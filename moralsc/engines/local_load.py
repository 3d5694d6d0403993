"""From a catalogue entry to a model in memory: its files, whether it fits, and how it is put there."""

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    TorchAoConfig,
)

from moralsc.engines import fit
from moralsc.engines.local_machine import best_device, measure
from moralsc.engines.weights import fingerprint, model_folder
from moralsc.errors import ModelError, MoralscError
from moralsc.models import ModelSpec, Quantisation, hub

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Loaded:
    """A model in memory.

    Attributes:
        spec: filled with what its files say.
        weights: which weights these are, for the provenance.
    """

    spec: ModelSpec
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    weights: str


def load(
    spec: ModelSpec,
    device: str | None = None,
    dtype: str | None = None,
    *,
    device_map: str | Mapping[str, str | int] | None = None,
    place: int | None = None,
    offline: bool = False,
    progress: hub.Progress | None = None,
    memory: int = 0,
) -> Loaded:
    """Load a model, see `LocalEngine.load` for arguments and errors."""
    fit.check_asked(dtype, device_map if isinstance(device_map, str) else None)
    fit.check_library(spec)
    device = device or best_device(place)

    def placed(found: ModelSpec) -> fit.Placement:
        if found.bundled or device_map:  # small enough for anything, or accelerate's to place
            chosen = "float32" if found.bundled or device == "cpu" else _of_files(found)
            return fit.Placement(device, dtype or chosen, 0)
        return fit.place(found, measure(device), dtype, memory)

    if spec.repo:
        snapshot = hub.fetch(spec, offline, progress, admit=placed)
        folder, spec = snapshot.folder, snapshot.spec
        weights = f"{spec.repo}@{spec.revision}" + (f"/{spec.gguf_file}" if spec.gguf_file else "")
    else:
        folder = model_folder(spec, offline)
        weights = f"sha256:{fingerprint(folder / spec.gguf_file)}"
    placement = placed(spec)
    with explained(spec.name, "loading"):
        model = _model(spec, folder, placement, device_map)
        named = {"gguf_file": spec.gguf_file} if spec.gguf_file else {}
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False, **named)
    return Loaded(spec, model, tokenizer, weights)


def _of_files(spec: ModelSpec) -> str:
    return spec.dtype if spec.dtype in _DTYPES else "bfloat16"


def _model(
    spec: ModelSpec, folder: Path, placement: fit.Placement, device_map: str | Mapping[str, str | int] | None
) -> PreTrainedModel:
    wanted: dict[str, Any] = {
        "dtype": _DTYPES[placement.dtype],
        "local_files_only": True,
        "trust_remote_code": False,
        **({"gguf_file": spec.gguf_file} if spec.gguf_file else {"use_safetensors": True}),
    }
    quantised = _quantised(spec.quantisation, _DTYPES[placement.dtype])
    if quantised is not None:
        wanted["quantization_config"] = quantised
    if device_map or quantised is not None:
        wanted["device_map"] = device_map or {"": placement.device}
    if spec.bundled:  # read in a moment: a progress bar would only disturb the terminal
        transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="sdpa", **wanted)
    except ValueError:  # the architecture has no sdpa: its own default then
        model = AutoModelForCausalLM.from_pretrained(folder, **wanted)
    if "device_map" not in wanted:
        model.to(placement.device)  # type: ignore[arg-type]  # the stub of this decorated method lacks its self
    return model


def _quantised(kind: Quantisation, dtype: torch.dtype) -> object | None:
    """What transformers is told of the quantisation, None where it needs nothing."""
    make: dict[Quantisation, Callable[[], object]] = {
        Quantisation.INT8: lambda: BitsAndBytesConfig(load_in_8bit=True),  # type: ignore[no-untyped-call]
        Quantisation.NF4: lambda: BitsAndBytesConfig(  # type: ignore[no-untyped-call]
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype
        ),
        # Imported by name, since few need it and moralsc does not require it.
        Quantisation.AO_INT8: lambda: TorchAoConfig(
            importlib.import_module("torchao.quantization").Int8WeightOnlyConfig()
        ),
    }
    return make[kind]() if kind in make else None


@contextmanager
def explained(name: str, doing: str) -> Iterator[None]:
    """Whatever a library raises becomes a ModelError that names the model and keeps the cause."""
    try:
        yield
    except MoralscError:
        raise
    except Exception as error:
        raise ModelError(f"{name} failed while {doing}: {type(error).__name__}: {error}") from error
