"""From a catalogue entry to a model in memory: its files, whether it fits, and how it is put there."""

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    TorchAoConfig,
)

from moralsc.engines import fit
from moralsc.engines.local_machine import best_device, measure
from moralsc.engines.store import Store
from moralsc.engines.weights import around, fingerprint, model_folder, weights_of
from moralsc.errors import ModelError, MoralscError
from moralsc.models import ModelSpec, Quantisation, hub
from moralsc.models.gguf import read_gguf

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Loaded:
    """A model in memory.

    Attributes:
        spec: filled with what its files say.
        weights: which weights these are, for the provenance.
        config: hash of config, tokenizer and chat template, as they lie beside the weights.
        quantisation: how the weights are held or were held in their file, empty if they never were quantised.
    """

    spec: ModelSpec
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    weights: str
    config: str = ""
    quantisation: str = ""


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
    store: Store | None = None,
) -> Loaded:
    """Load a model, see `LocalEngine.load` for arguments and errors."""
    store = store or Store()
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
        folder = model_folder(spec, store.cache, offline)
        weights = weights_of(spec, folder, store.cache)
    placement = placed(spec)
    with explained(spec.name, "loading"):
        if spec.gguf_file:
            return _unpacked(spec, folder / spec.gguf_file, weights, placement, device_map, store)
        model, tokenizer = _model(spec, folder, placement, device_map), read_tokenizer(folder)
    held = "" if spec.quantisation is Quantisation.NONE else spec.quantisation.value
    return Loaded(spec, model, tokenizer, weights, around(folder), held)


def _unpacked(
    spec: ModelSpec,
    path: Path,
    weights: str,
    placement: fit.Placement,
    device_map: str | Mapping[str, str | int] | None,
    store: Store,
) -> Loaded:
    """A GGUF file's model, through the ordinary folder that it is unpacked to once."""
    from moralsc.engines import local_gguf  # imports much that only such files need

    file, dtype = read_gguf(path), _DTYPES[placement.dtype]
    key = f"{fingerprint(path, store.cache)}-{placement.dtype}-{local_gguf.WRITTEN_BY}"
    size = round(file.parameters * fit.BYTES[placement.dtype])
    with store.unpacked(key, size, lambda folder: local_gguf.write_folder(file, folder, dtype)) as folder:
        plain = replace(spec, gguf_file="", quantisation=Quantisation.NONE)
        model, tokenizer = _model(plain, folder, placement, device_map), read_tokenizer(folder)
        held = f"{Quantisation.GGUF} {local_gguf.quantisation(file)}, unpacked"
        return Loaded(spec, model, tokenizer, weights, quantisation=held)  # its hash covers tokenizer and template


def _of_files(spec: ModelSpec) -> str:
    return spec.dtype if spec.dtype in _DTYPES else "bfloat16"


def read_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a folder; no code of its own is run."""
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
        folder, local_files_only=True, trust_remote_code=False
    )
    return tokenizer


def _model(
    spec: ModelSpec, folder: Path, placement: fit.Placement, device_map: str | Mapping[str, str | int] | None
) -> PreTrainedModel:
    wanted: dict[str, Any] = {
        "dtype": _DTYPES[placement.dtype],
        "local_files_only": True,
        "trust_remote_code": False,
        "use_safetensors": True,
        "output_loading_info": True,
    }
    quantised = _quantised(spec.quantisation, _DTYPES[placement.dtype])
    if quantised is not None:
        wanted["quantization_config"] = quantised
    if device_map or quantised is not None:
        wanted["device_map"] = device_map or {"": placement.device}
    _check_causal(spec, folder)
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # moralsc has its own
    loaded: Any  # with what was missing, the stub knows it as a model alone
    try:
        loaded = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="sdpa", **wanted)
    except ValueError:  # the architecture has no sdpa: its own default then
        loaded = AutoModelForCausalLM.from_pretrained(folder, **wanted)
    model: PreTrainedModel = loaded[0]
    _check_whole(spec, loaded[1])
    if "device_map" not in wanted:
        model.to(placement.device)  # type: ignore[arg-type]  # the stub of this decorated method lacks its self
    return model


def _check_causal(spec: ModelSpec, folder: Path) -> None:
    """Refuse what its own config calls another kind of model than one that continues text."""
    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    kinds = list(getattr(config, "architectures", None) or ())
    if kinds and not any(kind.endswith(_CONTINUES) for kind in kinds):
        raise ModelError(
            f"{spec.title} cannot be asked: its config says that it is a {kinds[0]}. Only models that continue text "
            f"can be asked: {', '.join(f'...{end}' for end in _CONTINUES)}."
        )
    if getattr(config, "is_encoder_decoder", False):
        raise ModelError(f"{spec.title} cannot be asked: it is an encoder with a decoder, and only decoders are read.")


_CONTINUES = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration", "LMHead")


def _check_whole(spec: ModelSpec, info: Mapping[str, Any]) -> None:
    """Refuse weights in which a parameter is missing: transformers draws it at random and says so in a log alone."""
    lacking = sorted(map(str, info.get("missing_keys", ())))
    lacking += [str(key[0] if isinstance(key, tuple) else key) for key in info.get("mismatched_keys", ())]
    if lacking:
        more = f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""
        raise ModelError(
            f"The weights of {spec.title} are not whole: {', '.join(lacking[:3])}{more} are missing in its files, and "
            "would be drawn at random."
        )


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
