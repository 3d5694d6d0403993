"""Whether a model fits a machine: on which device and in which precision it is loaded, or why it is not.

Plain arithmetic on what `local_machine` measured and what a spec says. Needs neither torch nor the model.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec

from moralsc.errors import ModelError, choose
from moralsc.models import ModelSpec, Precision, Quantisation
from moralsc.notation import bytes_text

BYTES = {"float32": 4.0, "bfloat16": 2.0, "float16": 2.0}
"""Bytes of a number by dtype."""
_DEVICE_MAPS = ("auto",)
_HELD = {Quantisation.INT8: 1.1, Quantisation.NF4: 0.6, Quantisation.AO_INT8: 1.1}
"""Bytes of a parameter whose layers are quantised; embeddings and norms stay in 16 bits."""
_WORK = 1.2
"""A fifth on top of the weights: activations, and the cache of the dialogues that are asked."""
PLACES = (
    ("laptop, 8 GB", 6e9),
    ("laptop, 16 GB", 12e9),
    ("GPU, 24 GB", 23e9),
    ("GPU, 48 GB", 46e9),
    ("GPU, 80 GB", 78e9),
)
"""Kinds of machines with the bytes that are theirs to use, from the smallest."""
MANY_CARDS = "several GPUs"


_LIBRARIES = {
    Quantisation.INT8: "bitsandbytes",
    Quantisation.NF4: "bitsandbytes",
    Quantisation.AO_INT8: "torchao",
    Quantisation.GGUF: "gguf",
}


class DoesNotFitError(ModelError):
    """A model needs more memory than there is."""


@dataclass(frozen=True)
class Machine:
    """What a machine can hold, measured in bytes.

    Attributes:
        device: where torch runs models: "cuda", "cuda:1", "mps" or "cpu".
        name: the device, for people.
        free, total: of the device's memory.
        memory_free, memory_total: of the machine's own; the same as the device's where that is the CPU.
        all_cards: free bytes of all cards together.
        bfloat16: whether the device computes in it.
    """

    device: str
    name: str
    free: int
    total: int
    memory_free: int
    memory_total: int
    all_cards: int = 0
    bfloat16: bool = True

    @property
    def without_card(self) -> "Machine":
        """The same machine as if it had its processors alone."""
        memory = self.memory_free, self.memory_total
        return Machine("cpu", "this machine's memory", *memory, *memory)


@dataclass(frozen=True)
class Placement:
    """Where and how a model is loaded.

    Attributes:
        needed: bytes of memory that it is expected to take.
    """

    device: str
    dtype: str
    needed: int


def check_asked(dtype: str | None, device_map: str | None) -> None:
    """Raise the InputError that says which dtypes and device maps there are, if these are none."""
    if dtype:
        choose("dtype", dtype, BYTES)
    if device_map is not None:
        choose("device map", device_map, _DEVICE_MAPS)


def check_library(spec: ModelSpec) -> None:
    """Raise the ModelError that says which package a quantised model needs, where it is not installed."""
    library = _LIBRARIES.get(spec.quantisation)
    if library and find_spec(library) is None:
        raise ModelError(
            f"{spec.title} is held as {spec.quantisation}, which needs the package {library}, and it is not installed "
            f"here: pip install {library}."
        )


def needed(spec: ModelSpec, dtype: str) -> int:
    """Bytes of memory that a model takes when it is asked, computed: parameters × bytes of each, and a fifth more."""
    return round(spec.parameters * _HELD.get(spec.quantisation, BYTES[dtype]) * _WORK)


def download(spec: ModelSpec) -> int:
    """Bytes of its files, computed from parameters and their type, 16 bits where that is unknown; 0 for a bundled one.

    A GGUF file of the hub is taken for one of 8 bits; of one in packages the catalogue knows the size.
    """
    if not spec.repo:
        return spec.file_size
    each = 1.1 if spec.gguf_file else BYTES.get(spec.dtype, 2.0)
    return round(spec.parameters * each)


def runs_on(spec: ModelSpec) -> str:
    """The smallest kind of machine that holds it, in 16 bits or as quantised."""
    need = needed(spec, Precision.BFLOAT16)
    return next((name for name, room in PLACES if need <= room), MANY_CARDS)


def place(spec: ModelSpec, machine: Machine, dtype: str | None = None, limit: int = 0) -> Placement:
    """Where and in which precision a model is loaded.

    The precision depends on what the machine has in all, not on what is free now, so that a run that is broken off goes
    on in the same one: on a CPU float32 where it takes half of the memory at most; on a card what the files hold; else
    16 bits. A card that is too small for a model gives way to the machine's memory.

    Args:
        dtype: the one to use, None to choose.
        limit: bytes that it may take at most, 0 for what is free.

    Raises:
        DoesNotFitError: it takes more memory than is free; the sentence has the numbers.
    """
    tried = [machine] if machine.device == "cpu" else [machine, machine.without_card]
    found = [_placed(spec, one, dtype) for one in tried]
    for one, placement in zip(tried, found, strict=True):
        if placement.needed <= min(one.free, limit or one.free):
            return placement
    raise DoesNotFitError(_sentence(spec, machine, found[0], limit))


def _placed(spec: ModelSpec, machine: Machine, dtype: str | None) -> Placement:
    share = 0.5 if machine.device == "cpu" else 1.0
    choices = (dtype,) if dtype else tuple(_precisions(spec, machine))
    chosen = next((d for d in choices if needed(spec, d) <= share * machine.total), choices[-1])
    return Placement(machine.device, chosen, needed(spec, chosen))


def _precisions(spec: ModelSpec, machine: Machine) -> Iterator[str]:
    short = Precision.BFLOAT16.value if machine.bfloat16 else Precision.FLOAT16.value
    if spec.quantisation in _HELD:
        yield short
        return
    if machine.device == "cpu" or spec.dtype is Precision.FLOAT32:
        yield Precision.FLOAT32.value
    elif spec.dtype is Precision.FLOAT16:
        yield Precision.FLOAT16.value
    yield short


def _sentence(spec: ModelSpec, machine: Machine, placement: Placement, limit: int) -> str:
    held = spec.quantisation.value if spec.quantisation in _HELD else placement.dtype
    need = f"{spec.title} needs about {bytes_text(placement.needed)} of memory ({spec.size} parameters in {held})"
    if limit and limit < machine.free:
        return f"{need}, but models may take {bytes_text(limit)} here (MORALSC_MEMORY). Choose a smaller one."
    also = "" if machine.device == "cpu" else f", and {bytes_text(machine.memory_free)} are free beside it"
    cards = machine.all_cards >= placement.needed and "Spread it over the cards with --device-map auto, or choose"
    return (
        f"{need}, but {machine.name} has {bytes_text(machine.free)} free of {bytes_text(machine.total)}{also}. "
        f"{cards or 'Choose'} a smaller or a quantised one."
    )
