"""Item-conditions a second: moralsc's packed scoring against lm-evaluation-harness, in one run.

Run `python -m benchmarks.throughput [--items N] [--dtype float32|bfloat16] [--size 135M|7B] [--threads N]` with
`pip install lm-eval==0.4.13`. The same random Llama, items and prompts go to both; the harness gets them as a local
task and its best batch size of those tried. Only its `loglikelihood` is timed, against all of our `score`. Prints a
table; asserts nothing. Set MORALSC_DATA for published BBQ items; without it the bundled ones are used.
"""

import argparse
import os
import resource
import time
from collections.abc import Sequence
from typing import Any

import datasets
import torch
from lm_eval import simple_evaluate
from lm_eval.api.task import ConfigurableTask
from lm_eval.models.huggingface import HFLM

from benchmarks.counting import SIZES, Cost, packed
from benchmarks.workload import CONDITIONS, random_model, scorings
from moralsc.benchmarks import load
from moralsc.engines.base import Scoring
from moralsc.engines.local import LocalEngine
from moralsc.prompts import default_prompts
from moralsc.settings import Settings

BATCHES = (1, 4, 16)


def harness(engine: LocalEngine, asked: Sequence[Scoring], batch: int) -> tuple[float, list[float]]:
    """Seconds that the harness's loglikelihood takes for all prompts, and its log-probabilities."""
    rows = [{"prompt": engine.render(s.messages), "choices": list(s.continuations)} for s in asked]
    config = {
        "task": "prompts",
        "custom_dataset": lambda **_: {"test": datasets.Dataset.from_list(rows)},
        "test_split": "test",
        "output_type": "multiple_choice",
        "doc_to_text": "{{prompt}}",
        "doc_to_choice": "{{choices}}",
        "doc_to_target": 0,
        "target_delimiter": "",
    }
    model = HFLM(
        pretrained=engine._model,
        tokenizer=engine._format.tokenizer,
        batch_size=batch,
        add_bos_token=False,
    )
    ask, seconds = model.loglikelihood, []

    def timed(requests: Any, **more: Any) -> Any:
        started = time.perf_counter()
        answers = ask(requests, **more)
        seconds.append(time.perf_counter() - started)
        return answers

    model.loglikelihood = timed  # type: ignore[method-assign]
    found = simple_evaluate(
        model=model, tasks=[ConfigurableTask(config=config)], bootstrap_iters=0, log_samples=True, verbosity="ERROR"
    )
    samples = sorted(found["samples"]["prompts"], key=lambda s: s["doc_id"])
    return sum(seconds), [answer[0] for sample in samples for answer in sample["filtered_resps"]]


def ours(engine: LocalEngine, asked: Sequence[Scoring]) -> tuple[float, list[float]]:
    """Seconds that our scoring takes for all prompts, and its log-probabilities."""
    started = time.perf_counter()
    scored = engine.score(asked)
    return time.perf_counter() - started, [x for row in scored for x in row]


def costs(engine: LocalEngine, asked: Sequence[Scoring]) -> tuple[Cost, Cost]:
    """What separate prompts compute, as the harness does, and what the tree of all of them does.

    A prompt's letters differ in their last token alone, so that one pass serves them; the harness computes the logits
    of all its positions.
    """
    candidates = engine._format.candidates(asked)
    lengths = [len(group[0].tokens) - 1 for group in candidates]
    separate = Cost(sum(lengths), sum(lengths), sum(n * n for n in lengths))
    return separate, packed([c for group in candidates for c in group])


def parts(engine: LocalEngine, asked: Sequence[Scoring]) -> str:
    """Where the time of our scoring goes: matrix products, attention, what else torch computes, and the rest."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with torch.profiler.profile(activities=list(torch.profiler.supported_activities())) as profiler:
        seconds, _ = ours(engine, asked)
    spent = {"products": 0.0, "attention": 0.0, "other operations": 0.0}
    for row in profiler.key_averages():
        if row.device_type != torch.autograd.DeviceType.CPU:  # a kernel, whose time its operation has too
            continue
        attention, product = "scaled_dot_product" in row.key, row.key in ("aten::mm", "aten::addmm", "aten::bmm")
        name = "attention" if attention else "products" if product else "other operations"
        spent[name] += (row.self_device_time_total if device == "cuda" else row.self_cpu_time_total) / 1e6
    spent["tokenising, planning, waiting"] = max(0.0, seconds - sum(spent.values()))
    return ", ".join(f"{name} {part / seconds:.0%}" for name, part in spent.items())


def peak(dtype: str, device: str) -> float:
    """Multiplications and additions a second of a large matrix product."""
    side = 2048 if device == "cpu" else 8192
    one, two = (torch.randn(side, side, dtype=getattr(torch, dtype), device=device) for _ in range(2))
    best = float("inf")
    for _ in range(8):
        started = time.perf_counter()
        one @ two
        if device != "cpu":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - started)
    return 2 * side**3 / best


def compare(items: int, dtype: str, size: str, threads: int, repeat: int) -> dict[str, str]:
    """Measure both; the best of `repeat` runs of each counts. What was measured -> figure with its unit."""
    torch.set_num_threads(threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    prompts = default_prompts()
    chosen = load("bbq", Settings.from_env(os.environ)).items[:items]
    asked = [s for item in chosen for s in scorings(item, prompts)]
    engine = random_model(size, dtype, device, [m.content for s in asked for m in s.messages])

    separate, tree = costs(engine, asked)
    config = engine._model.config
    sample = asked[: len(CONDITIONS) * 4]
    batch = min(BATCHES, key=lambda b: harness(engine, sample, b)[0])
    ours(engine, sample)
    best = peak(dtype, device)
    mine, found = min((ours(engine, asked) for _ in range(repeat)), key=lambda run: run[0])
    theirs, expected = min((harness(engine, asked, batch) for _ in range(repeat)), key=lambda run: run[0])
    bound = separate.flops(config) / tree.flops(config)
    difference = max(abs(a - b) for a, b in zip(expected, found, strict=True))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {
        "model": f"random Llama {size}, {dtype}, {device}, {threads} threads",
        "items x conditions": f"{len(chosen)} x {len(CONDITIONS)} ({chosen[0].origin})",
        "harness, item-conditions/s": f"{len(asked) / theirs:.2f} (batch {batch})",
        "moralsc, item-conditions/s": f"{len(asked) / mine:.2f}",
        "ratio": f"{theirs / mine:.2f}",
        "bound by sharing": f"{bound:.2f} (tokens {separate.tokens / tree.tokens:.2f})",
        "share of that bound": f"{theirs / mine / bound:.0%}",
        "share of the matrix peak, moralsc": f"{tree.flops(config) / mine / best:.0%} of {best / 1e9:.0f} GFLOP/s",
        "where its time goes": parts(engine, asked),
        "share of the matrix peak, harness": f"{separate.flops(config) / theirs / best:.0%}",
        "largest difference, nats": f"{difference:.2g}",
        "peak memory of the process, GiB": f"{memory:.2f}",
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=48)
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--size", choices=SIZES, default="135M")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    for name, value in compare(options.items, options.dtype, options.size, options.threads, options.repeat).items():
        print(f"{name:36} {value}")


if __name__ == "__main__":
    main()
