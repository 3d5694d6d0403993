"""Parts of transformers models with fewer passes over memory, to the same numbers, bit for bit.

transformers writes its layers so that they can be trained: no step overwrites what another may need for gradients.
Where only answers are wanted, it may. That is worth most on a processor, and is done there alone. A part is replaced
only if it gives equal answers on a trial, so that an architecture with ideas of its own keeps its own code.
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
    architecture's module in transformers, and so are replaced for every model of that architecture. On other devices,
    and while gradients are wanted, it is transformers' own code that runs.
    """
    gated: dict[type, bool] = {}
    for module in model.modules():
        kind = type(module)
        if "forward" in vars(module):  # accelerate wraps some
            continue
        if kind.__name__.endswith("RMSNorm") and _agrees(module, _norm):
            module.forward = MethodType(_either(module, _norm), module)
        elif kind.__name__.endswith("MLP"):
            if kind not in gated:  # one for all: a trial reads every weight, and rounds as the usual code does
                gated[kind] = _agrees(module, _gated)
            if gated[kind]:
                module.forward = MethodType(_either(module, _gated), module)
    _make_rotary_lean(sys.modules[type(model).__module__])


def _norm(module: Any, x: torch.Tensor) -> torch.Tensor:
    return rms_norm(x, x.shape[-1:], module.weight, module.variance_epsilon)


def _gated(module: Any, x: torch.Tensor) -> torch.Tensor:
    down: torch.Tensor = module.down_proj(silu(module.gate_proj(x), inplace=True).mul_(module.up_proj(x)))
    return down


def _either(replaced: torch.nn.Module, lean: Forward) -> Callable[..., Any]:
    """A method that takes the lean way where that was tried: a tensor on the processor, as precise as the weights."""
    usual, dtype = type(replaced).forward, next(replaced.parameters()).dtype

    def forward(module: torch.nn.Module, *given: Any, **named: Any) -> Any:
        fits = len(given) == 1 and not named and not torch.is_grad_enabled()
        if fits and given[0].dtype == dtype and given[0].device.type == "cpu":
            return lean(module, given[0])
        return usual(module, *given, **named)

    return forward


def _agrees(module: torch.nn.Module, forward: Forward) -> bool:
    """Whether a module on the processor and its replacement give equal answers to a few arbitrary rows."""
    try:
        weight = next(module.parameters())
        if weight.device.type != "cpu":
            return False
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


@torch.inference_mode()  # with gradients both would be the usual one
def _make_rotary_lean(module: Any) -> None:
    usual = getattr(module, _ROTARY, None)
    if usual is None or usual.__module__ == __name__:  # it has none, or has ours
        return

    def lean(q: torch.Tensor, k: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, *more: Any, **named: Any) -> Any:
        given = (q, k, cos, sin)
        plain = len({t.dtype for t in given}) == 1 and cos.shape[-1] == q.shape[-1] and q.device.type == "cpu"
        if torch.is_grad_enabled() or more or named or not plain:
            return usual(*given, *more, **named)
        cos, sin = cos.unsqueeze(1), sin.unsqueeze(1)
        return _rotated(q, cos, sin), _rotated(k, cos, sin)

    trial = _arbitrary(1, 3, 5, 8), _arbitrary(1, 2, 5, 8), _arbitrary(1, 5, 8), _arbitrary(1, 5, 8)
    try:
        for dtype in (torch.float32, torch.bfloat16):
            given = [t.to(dtype) for t in trial]
            if not all(map(torch.equal, usual(*given), lean(*given))):
                return
    except Exception:  # a function of that name with other arguments
        return
    setattr(module, _ROTARY, lean)


def _arbitrary(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))
