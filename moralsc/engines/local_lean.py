"""Parts of transformers models with fewer passes over memory, to the same numbers, bit for bit.

transformers writes its layers so that they can be trained: no step overwrites what another may need for gradients.
Where only answers are wanted, it may. A part is replaced only if it gives equal answers on a trial, so that an
architecture with ideas of its own keeps its own code.
"""

import sys
from collections.abc import Callable
from types import MethodType
from typing import Any

import torch
from torch.nn.functional import rms_norm, silu
from transformers import PreTrainedModel

Forward = Callable[[Any, torch.Tensor], torch.Tensor]
_ROTARY = "apply_rotary_pos_emb"


@torch.inference_mode()
def make_lean(model: PreTrainedModel) -> None:
    """Replace what can be of a loaded model; its weights and its answers stay the same.

    Norms and feed-forward parts are replaced in this model alone. Rotary positions are a function of the
    architecture's module in transformers, and so are replaced for every model of that architecture; while gradients
    are wanted it is transformers' own code that runs.
    """
    fits: dict[tuple[type, Forward], bool] = {}
    for module in model.modules():
        for ending, forward in _FORWARDS.items():
            if not type(module).__name__.endswith(ending) or "forward" in vars(module):  # accelerate wraps some
                continue
            key = type(module), forward
            if key not in fits:
                fits[key] = _agrees(module, forward)
            if fits[key]:
                module.forward = MethodType(_either(module, forward), module)
    _make_rotary_lean(sys.modules[type(model).__module__])


def _norm(module: Any, x: torch.Tensor) -> torch.Tensor:
    return rms_norm(x, x.shape[-1:], module.weight, module.variance_epsilon)


def _gated(module: Any, x: torch.Tensor) -> torch.Tensor:
    down: torch.Tensor = module.down_proj(silu(module.gate_proj(x), inplace=True).mul_(module.up_proj(x)))
    return down


_FORWARDS: dict[str, Forward] = {"RMSNorm": _norm, "MLP": _gated}


def _either(replaced: torch.nn.Module, lean: Forward) -> Callable[..., Any]:
    """A method that takes the lean way where that was tried: one tensor, as precise as the weights, no gradients."""
    usual, dtype = type(replaced).forward, next(replaced.parameters()).dtype

    def forward(module: torch.nn.Module, *given: Any, **named: Any) -> Any:
        fits = len(given) == 1 and not named and not torch.is_grad_enabled()
        if fits and given[0].dtype == dtype:
            return lean(module, given[0])
        return usual(module, *given, **named)

    return forward


def _agrees(module: torch.nn.Module, forward: Forward) -> bool:
    """Whether a module and its replacement give equal answers to a few arbitrary rows."""
    try:
        weight = next(module.parameters())
        x = _arbitrary(5, weight.shape[-1]).to(weight)
        return torch.equal(module(x), forward(module, x))
    except Exception:  # whatever a module lacks, or its weights are kept in
        return False


def _rotated(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    half = x.shape[-1] // 2
    first, second = x[..., :half], x[..., half:]
    turned = x * cos
    turned[..., :half] -= second * sin[..., :half]
    turned[..., half:] += first * sin[..., half:]
    return turned


def _make_rotary_lean(module: Any) -> None:
    usual = getattr(module, _ROTARY, None)
    if usual is None or usual.__module__ == __name__:  # it has none, or has ours
        return

    def lean(q: torch.Tensor, k: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, *more: Any, **named: Any) -> Any:
        if torch.is_grad_enabled() or more or named or cos.shape[-1] != q.shape[-1]:
            return usual(q, k, cos, sin, *more, **named)
        cos, sin = cos.unsqueeze(1), sin.unsqueeze(1)
        return _rotated(q, cos, sin), _rotated(k, cos, sin)

    q, k = _arbitrary(1, 3, 5, 8), _arbitrary(1, 2, 5, 8)
    cos, sin = _arbitrary(1, 5, 8), _arbitrary(1, 5, 8)
    try:
        agrees = all(map(torch.equal, usual(q, k, cos, sin), lean(q, k, cos, sin)))
    except Exception:  # a function of that name with other arguments
        return
    if agrees:
        setattr(module, _ROTARY, lean)


def _arbitrary(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))
