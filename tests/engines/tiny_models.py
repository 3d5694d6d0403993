"""Random models of a few thousand parameters and small tokenizers, built on the spot."""

import json
from collections.abc import Sequence
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    AutoModelForCausalLM,
    BloomConfig,
    Gemma3TextConfig,
    GPT2Config,
    LlamaConfig,
    MambaConfig,
    MistralConfig,
    Olmo2Config,
    Phi3Config,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen3Config,
)

CORPUS = [
    "Human: Which word belongs in the blank? The nurse said that ___ shift was over.\n\nAssistant: Answer: her",
    "Answer: (a) his (b) her (c) their. Please be fair. The plumber told the guest that ___ tools were in the van.",
] * 4
CHATML = (
    "{% for m in messages %}"
    "{{ '<|im_start|>' + m['role'] + '\n' + (m['content'] | trim) + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def byte_level(
    special: list[str],
    template: str = "",
    words: bool = True,
    corpus: Sequence[str] = tuple(CORPUS),
    **names: Any,
) -> PreTrainedTokenizerFast:
    """Byte-level BPE as GPT-2 has it; without `words` nothing stops tokens from growing across words and signs."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=words)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(corpus, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, chat_template=template or None, **names)


def chat_tokenizer() -> PreTrainedTokenizerFast:
    special = ["<|pad|>", "<|im_start|>", "<|im_end|>"]
    tokenizer = byte_level(special, CHATML, pad_token="<|pad|>", eos_token="<|im_end|>")
    tokenizer.add_tokens([AddedToken("<think>"), AddedToken("  "), AddedToken("plumber")])
    return tokenizer


def plain_tokenizer() -> PreTrainedTokenizerFast:
    """No chat template, and a BOS that the tokenizer itself puts first."""
    tokenizer = byte_level(["<s>", "</s>"], bos_token="<s>", eos_token="</s>")
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing("<s> $A", special_tokens=[("<s>", 0)])
    return tokenizer


def sentencepiece_like_tokenizer() -> PreTrainedTokenizerFast:
    """Metaspace and byte fallback as in Llama 2: decoding drops the first space, bytes come one by one."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    special = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = trainers.BpeTrainer(vocab_size=500, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    state = json.loads(tokenizer.to_str())
    state["added_tokens"] = state["added_tokens"][:3]  # the trainer marks the bytes as special, which they are not
    names = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}
    return PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(json.dumps(state)), **names)


def merging_tokenizer() -> PreTrainedTokenizerFast:
    """Tokens grow across the end of the primer: "(" and "a" become one."""
    return byte_level(["</s>"], words=False, corpus=["Answer: (a Answer: (b Answer:  their"] * 8, eos_token="</s>")


def folding_tokenizer() -> PreTrainedTokenizerFast:
    """Folds case and drops zero-width spaces before it looks for its added token."""
    tokenizer = byte_level(["</s>"], eos_token="</s>")
    tokenizer.backend_tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Lowercase(), normalizers.Replace("\u200b", ""), normalizers.Replace("\u2060", "")]
    )
    tokenizer.add_tokens([AddedToken("<user>", normalized=True)])
    return tokenizer


_SIZES = {
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 8,
    "max_position_embeddings": 512,
    # Wide weights, so that a wrong mask shows in the logits.
    "initializer_range": 0.4,
    "pad_token_id": 0,
    "bos_token_id": None,
    "eos_token_id": None,
}


def config(name: str, **changes: Any) -> PreTrainedConfig:
    sizes = _SIZES | changes
    if name == "gpt2":
        return GPT2Config(n_embd=16, n_layer=2, n_head=2, n_positions=512, initializer_range=0.4, **_ends(changes))
    if name == "bloom":
        return BloomConfig(hidden_size=16, n_layer=2, n_head=2, initializer_range=0.4, **_ends(changes))
    if name == "mamba":
        return MambaConfig(hidden_size=16, num_hidden_layers=1, state_size=4, **_ends(changes))
    kinds: dict[str, Any] = {
        "llama": LlamaConfig,
        "qwen2": Qwen2Config,
        "qwen3": Qwen3Config,
        "mistral": MistralConfig,
        "gemma3": Gemma3TextConfig,
        "phi3": Phi3Config,
        "olmo2": Olmo2Config,
    }
    return kinds[name](**sizes)


def _ends(changes: dict[str, Any]) -> dict[str, Any]:
    return {"pad_token_id": 0, "bos_token_id": None, "eos_token_id": None} | changes


def tiny(name: str, tokenizer: PreTrainedTokenizerFast, **changes: Any) -> PreTrainedModel:
    """A random model of an architecture, the same one every time."""
    torch.manual_seed(0)
    model: PreTrainedModel = AutoModelForCausalLM.from_config(config(name, vocab_size=len(tokenizer), **changes))
    return model.eval()


# name -> (architecture, changes, packed?)
ARCHITECTURES: dict[str, tuple[str, dict[str, Any], bool]] = {
    "llama": ("llama", {}, True),
    "gpt2": ("gpt2", {}, True),
    "qwen2": ("qwen2", {}, True),
    "qwen3": ("qwen3", {}, True),
    "phi3": ("phi3", {}, True),
    "olmo2": ("olmo2", {}, True),
    "mistral, wide window": ("mistral", {"sliding_window": 4096}, True),
    "gemma3, wide window": ("gemma3", {"sliding_window": 512}, True),
    "mistral, narrow window": ("mistral", {"sliding_window": 24}, False),
    "gemma3, narrow window": ("gemma3", {"sliding_window": 16}, False),
    "bloom, no sdpa": ("bloom", {}, False),
    "mamba, recurrent": ("mamba", {}, False),
}
