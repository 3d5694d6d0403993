"""ZeroGPU: the platform's own client against a stub of its service, and what visitors read of its refusals."""

import json
import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from zero_space import REFUSALS

from moralsc.dialogue import Message
from moralsc.engines import zero
from moralsc.engines.base import Sampling, Scoring
from moralsc.engines.pool import pool_for
from moralsc.engines.zero import LONGEST, Task, explained, seconds, weights
from moralsc.errors import InputError
from moralsc.experiment.turns import ANSWER_TOKENS, REASONING_TOKENS
from moralsc.models import catalogue
from moralsc.models.offer import first_practice, offered
from moralsc.settings import Settings

SPACE = Settings.from_env({"SPACE_ID": "a/b", "SPACES_ZERO_GPU": "true"})
HERE = Path(__file__).parent
MESSAGES = (Message("user", "Who?"), Message("assistant", "Answer:"))
FACTOR, ANONYMOUS = 1.5, 120
"""What the platform multiplies a declaration with, and the seconds a day of a visitor who is not signed in."""


# A whole Space, in a process of its own


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `zero_space` saw."""
    file = tmp_path_factory.mktemp("zero") / "seen.json"
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MORALSC_", "SPACE", "HF_"))}
    paths = os.pathsep.join(map(str, (HERE.parent, HERE, HERE.parents[1])))
    done = subprocess.run(
        [sys.executable, str(HERE / "zero_space.py"), str(file)],
        env={**env, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


@pytest.mark.slow
def test_one_generator_is_decorated_and_the_start_is_reported(space: dict[str, Any]) -> None:
    assert space["decorated"] == 1
    assert space["started"] == ["/startup-report"]
    assert space["queue"] == 7, "the queue is ours, not the platform's of one visitor"


@pytest.mark.slow
def test_what_comes_from_the_gpu_is_what_the_model_says_alone(space: dict[str, Any]) -> None:
    assert space["render"] is True
    assert space["text"][0] == space["text"][1] != ""
    assert space["scores"][0] == space["scores"][1]
    here, alone = space["facts"]
    assert here["engine"] != alone["engine"]
    assert here["weights"] == f"a/b@{'0' * 40}"
    assert here["config"], "the hash of its config, tokenizer and template"
    own = ("engine", "weights", "config")
    assert {k: v for k, v in here.items() if k not in own} == {k: v for k, v in alone.items() if k not in own}


@pytest.mark.slow
def test_work_is_done_by_another_process_that_is_kept_and_always_given_back(space: dict[str, Any]) -> None:
    calls = [(path, args) for path, args in space["calls"] if path != "/startup-report"]
    assert [path for path, _ in calls] == ["/schedule", "/allow", "/release", *["/schedule", "/release"] * 2]
    assert int(calls[1][1]["pid"]) != space["host"]
    assert len({args["taskId"] for path, args in calls if path == "/schedule"}) == 1
    assert all(0 < int(args["durationSeconds"]) <= LONGEST for path, args in calls if path == "/schedule")
    assert all(args["fail"] == "false" for path, args in calls if path == "/release")


@pytest.mark.slow
def test_a_stop_gives_the_gpu_back_after_a_token(space: dict[str, Any]) -> None:
    assert space["stopped"] == {"pieces": 1, "calls": ["/schedule", "/release"]}


@pytest.mark.slow
def test_our_own_sentences_come_back_whole(space: dict[str, Any]) -> None:
    assert space["too long"].startswith("PromptTooLong: The dialogue has ")
    assert "could not be had when this Space started" in space["gone"]


@pytest.mark.slow
def test_the_page_asks_through_it(space: dict[str, Any]) -> None:
    (arm,) = space["asked"]["arms"]
    assert arm["turns"][0]["status"] == "done"
    assert space["asked"]["provenance"]["engine"] == "local, on ZeroGPU"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        ("quota exceeded", "used up for now"),
        ("illegal duration", "longer than a visitor may have the GPU at once"),
        ("pending credits exceeded", "Wait for one to end"),
        ("client error", "did not answer as it should"),
        ("broken service", r"could not be used \(RuntimeError\)"),
        ("worker error", "broke off"),
    ],
)
def test_each_refusal_is_a_sentence_with_what_needs_no_gpu(space: dict[str, Any], refusal: str, said: str) -> None:
    assert set(space["refused"]) == {*REFUSALS, "worker error"}
    text = space["refused"][refusal]
    assert text.startswith("ModelError: ")
    assert re.search(said, text)
    assert text.endswith(f"Practice models need no GPU: choose {first_practice().title}.")


@pytest.mark.slow
def test_a_refusal_changes_nobodys_model_and_bundled_ones_still_answer(space: dict[str, Any]) -> None:
    refused, bundled = space["asked refused"], space["asked bundled"]
    assert refused["model"] == "real"
    assert refused["arms"][0]["turns"][0]["status"] == "failed"
    assert "used up" in refused["arms"][0]["turns"][0]["error"]
    assert bundled["arms"][0]["turns"][0]["status"] == "done"
    assert (bundled["provenance"]["engine"], bundled["provenance"]["device"]) == ("local", "cpu")


# What is declared


def task(name: str, tokens: int = 0, conditions: int = 0) -> Task:
    scoring = Scoring(MESSAGES, (" a", " b", " c"), True)
    return Task(name, MESSAGES, Sampling(tokens) if tokens else None, (scoring,) * conditions)


@pytest.mark.parametrize("name", SPACE.models)
def test_every_choice_stays_within_what_a_visitor_has(name: str) -> None:
    placed = weights(spec for spec in offered(SPACE).values() if spec.repo)
    spec = catalogue()[name]

    def declared(**how: int) -> int:
        return seconds(task(name, **how), spec, placed)

    for tokens in ANSWER_TOKENS.values():
        assert declared(tokens=tokens) <= 15
    assert declared(tokens=REASONING_TOKENS) <= 20
    assert declared(conditions=30) <= 15
    assert declared() <= declared(conditions=1) <= declared(conditions=30)
    assert declared(tokens=48) < declared(tokens=512) <= LONGEST
    assert declared(tokens=100_000) * FACTOR <= ANONYMOUS


def test_a_larger_model_is_declared_longer() -> None:
    small, large = (seconds(task(n, tokens=256), catalogue()[n], 0) for n in ("smollm2-135m", "llama-3.1-8b"))
    assert small < large


# What visitors read


def refusal(title: str, message: str = "") -> Exception:
    error = RuntimeError(message)
    vars(error).update(SimpleNamespace(title=title, message=message).__dict__)
    return error


def test_a_quota_that_comes_back_says_when() -> None:
    for wait in ("1:00:00", "1 day, 2:03:04"):
        later = timedelta(hours=1) if wait == "1:00:00" else timedelta(days=1, hours=2, minutes=3, seconds=4)
        text = f"You have exceeded your quota (9s requested vs. 3s left). Try again in {later}. <a href='x'>Pay</a>"
        said = explained(refusal("ZeroGPU quota exceeded", text))
        assert f"(free again in {wait})" in said
        assert "sign in" in said
        assert "<" not in said


def test_a_foreign_text_never_reaches_visitors() -> None:
    for title in ("ZeroGPU queue timeout", "ZeroGPU worker error", "another", ""):
        said = explained(refusal(title, "<b>{0}</b> {again} secret"))
        assert "secret" not in said
        assert said.endswith(f"choose {first_practice().title}.")


def test_more_than_a_usual_gpu_takes_is_refused_at_the_start_with_the_numbers() -> None:
    settings = Settings.from_env({"SPACES_ZERO_GPU": "true", "MORALSC_MODELS": "all"})
    with pytest.raises(InputError, match=r"take .* GB on the GPU.*42\.9 GB are allowed"):
        pool_for(settings)


def test_elsewhere_the_platforms_package_is_never_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zero.importlib, "import_module", lambda name: pytest.fail(f"{name} was imported"))
    assert pool_for(Settings.from_env({"SPACE_ID": "a/b"}))
