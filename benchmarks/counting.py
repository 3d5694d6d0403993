"""Shapes of models, and what a way of asking computes, counted without computing it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, PreTrainedTokenizerFast

from benchmarks.ladder import TEMPLATE
from moralsc.engines.trees import Candidate, plant

# Llama-shaped: width, width of the gated part, layers, heads, heads of keys and values, vocabulary. 135M and 360M are
# SmolLM's, 35M a smaller one of their kind, 7B is Llama 2, the others are Llama 3.
_SHAPES = {
    "35M": (384, 1024, 12, 6, 2, 49_152),
    "135M": (576, 1536, 30, 9, 3, 49_152),
    "360M": (960, 2560, 32, 15, 5, 49_152),
    "1B": (2048, 8192, 16, 32, 8, 128_256),
    "7B": (4096, 11_008, 32, 32, 32, 32_000),
    "8B": (4096, 14_336, 32, 32, 8, 128_256),
    "70B": (8192, 28_672, 80, 64, 8, 128_256),
}
SIZES = tuple(_SHAPES)
_TIED = ("35M", "135M", "360M", "1B")


def llama(size: str) -> LlamaConfig:
    """The configuration of one of SIZES."""
    width, inner, layers, heads, groups, words = _SHAPES[size]
    return LlamaConfig(
        hidden_size=width,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=groups,
        vocab_size=words,
        max_position_embeddings=4096,
        tie_word_embeddings=size in _TIED,
    )


def parameters(config: LlamaConfig) -> int:
    """Weights of all matrices."""
    words = (1 if config.tie_word_embeddings else 2) * config.hidden_size * config.vocab_size
    return config.num_hidden_layers * layer_parameters(config) + words


@dataclass(frozen=True)
class Cost:
    """What a way of scoring computes.

    Attributes:
        tokens: that pass through the layers.
        logits: positions whose logits are computed.
        pairs: of tokens that attention compares, a layer.
    """

    tokens: int = 0
    logits: int = 0
    pairs: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.tokens + other.tokens, self.logits + other.logits, self.pairs + other.pairs)

    def flops(self, config: LlamaConfig) -> float:
        """Multiplications and additions of all matrix products."""
        width = config.hidden_size
        attention = 4 * width * self.pairs
        logits = 2 * width * config.vocab_size * self.logits
        return config.num_hidden_layers * (2 * layer_parameters(config) * self.tokens + attention) + logits


def layer_parameters(config: LlamaConfig) -> int:
    """Weights of one layer's matrices."""
    width = config.hidden_size
    narrow = width * config.num_key_value_heads // config.num_attention_heads
    return 2 * width * width + 2 * width * narrow + 3 * width * config.intermediate_size


def chain(length: int, start: int = 0) -> Cost:
    """Reading the tokens from `start` to `length` of one sequence, the ones before being kept."""
    return Cost(length - start, 1, sum(range(start + 1, length + 1)))


def packed(candidates: Sequence[Candidate]) -> Cost:
    """Scoring sequences in one pass over their tree."""
    tree = plant([c.read for c in candidates])
    edges = zip(candidates, tree.paths, strict=True)
    asked = {path[place] for c, path in edges for place in range(c.start - 1, len(path))}
    return Cost(len(tree.tokens), len(asked), sum(depth + 1 for depth in tree.depths))


def tokenizer_of(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """A tokenizer that makes about one token of a word."""
    words = Tokenizer(models.BPE())
    words.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    words.decoder = decoders.ByteLevel()
    alphabet, marks = pre_tokenizers.ByteLevel.alphabet(), ["<|user|>", "<|assistant|>", "<|end|>"]
    words.train_from_iterator(
        texts,
        trainers.BpeTrainer(vocab_size=8192, special_tokens=marks, initial_alphabet=alphabet, show_progress=False),
    )
    return PreTrainedTokenizerFast(tokenizer_object=words, eos_token="<|end|>", chat_template=TEMPLATE)
