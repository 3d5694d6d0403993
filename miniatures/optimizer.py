"""The optimizer of the miniatures: Muon for the matrices inside, AdamW for the rest.

Muon (Jordan et al. 2024) replaces a matrix's momentum by the nearest matrix with equal singular values. Our models
learn to look words up in about half the tokens that AdamW alone needs.
"""

from typing import Any

import torch
from torch import Tensor, nn

# Coefficients of the quintic Newton-Schulz iteration, from the same source.
_A, _B, _C = 3.4445, -4.7750, 2.0315
_STEPS = 5


class MuonAdamW(torch.optim.Optimizer):
    """One optimizer with two rules; a group's `muon` says which one is its own.

    Args:
        model: every matrix inside its layers goes to Muon; embeddings and norms to AdamW.
        rate: peak learning rate of AdamW.
        matrix_rate: peak learning rate of Muon.
    """

    def __init__(self, model: nn.Module, rate: float, matrix_rate: float) -> None:
        matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and ".layers." in n]
        others = [p for n, p in model.named_parameters() if not (p.ndim == 2 and ".layers." in n)]
        groups = [{"params": matrices, "lr": matrix_rate, "muon": True}, {"params": others, "lr": rate, "muon": False}]
        super().__init__(groups, {"momentum": 0.95, "betas": (0.9, 0.98), "eps": 1e-8, "weight_decay": 0.01})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient."""
        for group in self.param_groups:
            rule = self._muon if group["muon"] else self._adamw
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    rule(parameter, parameter.grad, self.state[parameter], group)

    def _muon(self, parameter: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        if not state:
            state["momentum"] = torch.zeros_like(gradient)
        momentum = state["momentum"].lerp_(gradient, 1 - group["momentum"])
        update = orthogonal(gradient.lerp(momentum, group["momentum"]))
        scale = max(1.0, parameter.shape[0] / parameter.shape[1]) ** 0.5
        parameter.add_(update, alpha=-group["lr"] * scale)

    def _adamw(self, parameter: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        if not state:
            state.update(step=0, mean=torch.zeros_like(gradient), square=torch.zeros_like(gradient))
        state["step"] += 1
        one, two = group["betas"]
        state["mean"].lerp_(gradient, 1 - one)
        state["square"].lerp_(gradient.square(), 1 - two)
        mean = state["mean"] / (1 - one ** state["step"])
        square = state["square"] / (1 - two ** state["step"])
        parameter.addcdiv_(mean, square.sqrt_().add_(group["eps"]), value=-group["lr"])


def orthogonal(matrix: Tensor) -> Tensor:
    """Approximately the matrix (rows, columns) with all singular values set to one."""
    x: Tensor = matrix / (matrix.norm() + 1e-7)
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    for _ in range(_STEPS):
        a = x @ x.T
        x = _A * x + (_B * a + _C * a @ a) @ x
    return x.T if tall else x
