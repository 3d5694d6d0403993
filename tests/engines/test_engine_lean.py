"""Lean parts answer as transformers' own do, bit for bit, and only where they do."""

import copy
from importlib import import_module
from typing import Any

import pytest
import torch
from engines.tiny_models import ARCHITECTURES, tiny
from transformers.models.llama.modeling_llama import LlamaMLP, LlamaRMSNorm

from moralsc.engines import local_lean
from moralsc.engines.local_lean import make_lean

TOKENS = torch.randint(300, (1, 40), generator=torch.Generator().manual_seed(1))


def lean(model: torch.nn.Module) -> list[str]:
    """Names of the classes whose parts are replaced."""
    return sorted({type(module).__name__ for module in model.modules() if "forward" in vars(module)})


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_answers_are_the_same_bit_for_bit(name: str, dtype: torch.dtype, tokenizers: Any) -> None:
    kind, changes, _ = ARCHITECTURES[name]
    model = tiny(kind, tokenizers["chat"], **changes).to(dtype)
    for part, weight in model.named_parameters():
        if "norm" in part:  # ones, as new models have them, would hide how a product is rounded
            torch.nn.init.uniform_(weight, 0.5, 1.5)
    make_lean(model)
    usual = model(TOKENS).logits.detach()  # with gradients it is transformers' own code that runs
    with torch.inference_mode():
        assert torch.equal(model(TOKENS).logits, usual)


@pytest.mark.parametrize("kind", ["llama", "qwen2", "qwen3", "mistral"])
def test_norms_and_feed_forward_parts_of_common_architectures_are_replaced(kind: str, tokenizers: Any) -> None:
    model = tiny(kind, tokenizers["chat"])
    make_lean(model)
    assert lean(model) == [f"{kind.title()}MLP", f"{kind.title()}RMSNorm"]


def test_positions_are_turned_by_the_lean_function_where_it_agrees(tokenizers: Any) -> None:
    for kind, expected in (("llama", True), ("qwen3", True), ("cohere", False)):
        architecture = import_module(f"transformers.models.{kind}.modeling_{kind}")
        local_lean._make_rotary_lean(architecture)
        assert (architecture.apply_rotary_pos_emb.__module__ == local_lean.__name__) is expected, kind


def test_gradients_are_the_same(tokenizers: Any) -> None:
    model = tiny("llama", tokenizers["chat"])
    other = copy.deepcopy(model)
    make_lean(model)
    for each in (model, other):
        each(TOKENS, labels=TOKENS).loss.backward()
    for mine, theirs in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(mine.grad, theirs.grad)


def test_a_copy_computes_with_its_own_weights(tokenizers: Any) -> None:
    model = tiny("llama", tokenizers["chat"])
    make_lean(model)
    other = copy.deepcopy(model)
    torch.nn.init.zeros_(other.model.norm.weight)
    for gradients in (True, False):
        with torch.set_grad_enabled(gradients):
            assert not other(TOKENS).logits.any()
            assert model(TOKENS).logits.all()


class ShiftedRMSNorm(LlamaRMSNorm):
    """As Gemma has it: the weight is what is added to one."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) + super().forward(x) / self.weight


class DoubledMLP(LlamaMLP):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) * 2


def test_a_part_that_answers_otherwise_keeps_its_own_code(tokenizers: Any) -> None:
    model = tiny("llama", tokenizers["chat"])
    model.model.layers[0].mlp = DoubledMLP(model.config)
    model.model.norm = ShiftedRMSNorm(model.config.hidden_size)
    make_lean(model)
    assert lean(model) == ["LlamaMLP", "LlamaRMSNorm"]


def test_a_part_that_is_wrapped_already_is_left_alone(tokenizers: Any) -> None:
    """As accelerate wraps those whose weights lie elsewhere."""
    model = tiny("llama", tokenizers["chat"])
    wrapped = model.model.norm.forward = model.model.norm.forward
    make_lean(model)
    assert model.model.norm.forward is wrapped
