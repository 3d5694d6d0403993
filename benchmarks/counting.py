"""What a way of asking computes, counted without computing it; shared by throughput and cost."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, PreTrainedTokenizerFast

from benchmarks.ladder import TEMPLATE
from moralsc.engines.trees import Candidate, plant


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
    """Scoring sequences in one pass over their tree. What follows the last token is nobody's question."""
    tree = plant([c.tokens[:-1] for c in candidates])
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
