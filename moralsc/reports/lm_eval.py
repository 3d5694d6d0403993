"""The files that lm-evaluation-harness 0.4.13 writes, from a run's records: results_*.json and samples_*.jsonl.

One folder a model, one task a benchmark and condition. The harness has no word for a refusal, a failure or an interval:
figures with all of that stand under "moralsc", and what has no answer has a sample without a metric.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from moralsc.analysis.lines import Line
from moralsc.analysis.mass import Mass, masses
from moralsc.analysis.statistics import Figure
from moralsc.batch.design import Design, Selection
from moralsc.batch.record import Record, sha256
from moralsc.batch.results import By, condition, to_result
from moralsc.batch.summary import answered_by, by_benchmark, by_condition, lines
from moralsc.benchmarks import BENCHMARKS, Source, benchmark_of
from moralsc.benchmarks.base import Benchmark
from moralsc.items import Condition
from moralsc.models import catalogue

LAYOUT = "0.4.13"
_SHARES = {b.score for b in (*BENCHMARKS.values(), Benchmark()) if b.compared}
"""Metrics that are a mean over samples, under the harness's name."""


def write(out: Path, head: Mapping[str, Any], records: Sequence[Record], incomplete: str) -> list[Path]:
    """Write results and samples of every model into `out`; the files.

    Args:
        head: what run.json says.
        incomplete: a sentence on an unfinished run, else empty.

    Raises:
        OSError: the folder cannot be written.
    """
    by = answered_by(Design.from_record(head["design"]))
    stamp = str(head["attempts"][-1].get("ended") or head["attempts"][-1]["started"])
    name = datetime.fromisoformat(stamp).strftime("%Y-%m-%dT%H-%M-%S.%f")
    written = []
    for model, found in groupby(sorted(records, key=lambda r: r.model), key=lambda r: r.model):
        rows = sorted(found, key=lambda r: r.row)
        tasks: dict[str, list[Record]] = {}
        for record in rows:
            tasks.setdefault(_task(record), []).append(record)
        samples = {task: list(_samples(of, by)) for task, of in tasks.items()}
        folder = out / _sanitized(model)
        folder.mkdir(parents=True, exist_ok=True)
        for task, of in samples.items():
            text = "".join(json.dumps(sample, ensure_ascii=False) + "\n" for sample in of)
            written.append(_written(folder / f"samples_{_sanitized(task)}_{name}.jsonl", text))
        made = _results(model, head, tasks, samples, by, stamp, incomplete)
        written.append(_written(folder / f"results_{name}.json", json.dumps(made, indent=2, ensure_ascii=False)))
    return written


def _written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def _task(record: Record) -> str:
    return _named(Selection(record.benchmark, Source(record.source)).key, condition(record))


def _named(benchmark: str, asked: str) -> str:
    condition = Condition(asked)
    turn = f"{condition.correction}_round-{condition.round}" if condition.round else condition
    return f"moralsc_{benchmark}_{turn}".replace(":", "_")


def _sanitized(name: str) -> str:
    return re.sub(r"[^\w.+-]+", "__", name)


def _samples(records: Sequence[Record], by: By) -> Iterator[dict[str, Any]]:
    """A sample a record; an averaged run has one for each order of the options."""
    for number, record in enumerate(records):
        result = to_result(record, by)
        part = next((p.name for p in benchmark_of(record.benchmark).compared if p.holds(result)), "")
        metric = _accuracy(record.benchmark, part)
        right = record.said_right if by is By.TEXT else record.favoured_right
        scores = {metric: float(right)} if right is not None and not record.failure else {}
        target = str(record.roles.index(record.correct)) if record.correct in record.roles else ""
        doc = {name: getattr(record, name) for name in _DOC}
        responses = [[str(p), "False"] for p in record.logprobs or ()]
        yield {
            "doc_id": number,
            "doc": doc,
            "target": target,
            "arguments": {
                f"gen_args_{k}": {"arg_0": record.sent or "", "arg_1": label} for k, label in enumerate(record.labels)
            },
            "resps": [[response] for response in responses],
            "filtered_resps": responses,
            "filter": "none",
            "metrics": list(scores),
            "doc_hash": sha256(json.dumps(doc, indent=2, ensure_ascii=False)),
            "prompt_hash": record.sent_hash or "",
            "target_hash": sha256(target),
            "mass": record.mass,
            **scores,
        }


_DOC = (
    *("item", "category", "arm", "order", "condition", "polarity", "occupation", "percent_female", "weight"),
    *("labels", "groups", "roles", "correct", "mode", "form", "scored_by", "reply", "outcome", "status", "failure"),
)


def _results(
    model: str,
    head: Mapping[str, Any],
    tasks: Mapping[str, Sequence[Record]],
    samples: Mapping[str, Sequence[Mapping[str, Any]]],
    by: By,
    stamp: str,
    incomplete: str,
) -> dict[str, Any]:
    everything = sorted((r for of in tasks.values() for r in of), key=lambda r: r.row)
    measured: dict[str, list[Line]] = {}
    held = list[dict[str, Any]]()
    for (_, benchmark), found in by_benchmark(everything, by).items():
        held += [_held(benchmark, mass) for mass in masses(by_condition(found))]
        for line in lines(model, benchmark, found):
            measured.setdefault(_named(benchmark, line.correction), []).append(line)
    answered = {task: sum(r.failure is None for r in of) for task, of in tasks.items()}
    return {
        "results": {task: _values(task, len(of), measured[task]) for task, of in samples.items()},
        "group_subtasks": {},
        "configs": {task: _config(task, of[0], head) for task, of in tasks.items()},
        "versions": dict.fromkeys(tasks, 1.0),
        "n-shot": dict.fromkeys(tasks, 0),
        "higher_is_better": {
            task: {_metric(line): True if line.metric in _SHARES else None for line in of}
            for task, of in measured.items()
        },
        "n-samples": {task: {"original": len(of), "effective": answered[task]} for task, of in tasks.items()},
        "config": _settings(model, head),
        "git_hash": None,
        "date": datetime.fromisoformat(stamp).timestamp(),
        "lm_eval_version": None,
        "task_hashes": {
            task: sha256("".join(s["doc_hash"] + s["prompt_hash"] + s["target_hash"] for s in of))
            for task, of in samples.items()
        },
        "model_source": "moralsc",
        "model_name": model,
        "model_name_sanitized": _sanitized(model),
        "system_instruction": None,
        "chat_template": None,
        "total_evaluation_time_seconds": str(sum(r.seconds for r in everything)),
        "moralsc": {
            "layout": LAYOUT,
            "incomplete": incomplete,
            "mark": everything[0].mark,
            "answers_by": str(by),
            "prompts": head["prompts"],
            "lines": [_line(task, line) for task, of in measured.items() for line in of],
            "masses": held,
        },
    }


def _values(task: str, count: int, found: Sequence[Line]) -> dict[str, Any]:
    """The harness's keys; what is undefined stands under "moralsc" alone."""
    values: dict[str, Any] = {"name": task, "alias": task, "sample_len": count}
    for line in found:
        value, n = line.figure.value, line.figure.n
        if value is None:
            continue
        # Its standard error of a mean; it has none for other figures, which have intervals here instead.
        error = math.sqrt(value * (1 - value) / (n - 1)) if line.metric in _SHARES and n > 1 else "N/A"
        values |= {f"{_metric(line)},none": value, f"{_metric(line)}_stderr,none": error}
    return values


def _metric(line: Line) -> str:
    if line.metric in _SHARES:
        return _accuracy(line.benchmark.partition(":")[0], line.part)
    return line.name.replace(" ", "_")


def _accuracy(benchmark: str, part: str) -> str:
    """The harness's name of the share of right answers, with the part where a benchmark has several."""
    return f"acc_{part}".replace(" ", "_") if len(benchmark_of(benchmark).compared) > 1 else "acc"


def _config(task: str, first: Record, head: Mapping[str, Any]) -> dict[str, Any]:
    data = [entry for key, entry in head["data"].items() if key.split(":")[0] == first.benchmark]
    return {
        "task": task,
        "dataset_path": first.benchmark,
        "output_type": "multiple_choice",
        "num_fewshot": 0,
        "repeats": 1,
        "metadata": {"version": 1.0, "correction": condition(first), "mode": first.mode, "data": data},
    }


def _settings(model: str, head: Mapping[str, Any]) -> dict[str, Any]:
    facts, design, spec = head["models"].get(model, {}), head["design"], catalogue().get(model)
    return {
        "model": "moralsc",
        "model_args": {"pretrained": facts.get("repo") or model},
        "model_num_parameters": spec.parameters if spec else None,
        "model_dtype": facts.get("dtype"),
        "model_revision": facts.get("revision") or facts.get("weights"),
        "model_sha": facts.get("weights"),
        "batch_size": design["batch"],
        "device": facts.get("device"),
        "limit": design["limit"],
        "gen_kwargs": {"temperature": design["temperature"]},
        "random_seed": design["seed"],
    }


def _held(benchmark: str, mass: Mass) -> dict[str, Any]:
    """How much of the probability the options hold: the median, and the share of answers where it is less than half."""
    figures = {"median": mass.median, "small": mass.small}
    return {"benchmark": benchmark, "asked": mass.asked, **{name: _figure(f) for name, f in figures.items()}}


def _figure(figure: Figure) -> dict[str, Any]:
    shown = {name: getattr(figure, name) for name in ("value", "low", "high", "n")}
    return {**shown, "excluded": dict(figure.excluded)}


def _line(task: str, line: Line) -> dict[str, Any]:
    figure, test = line.figure, line.comparison
    return {
        "task": task,
        "metric": line.name,
        **_figure(figure),
        **({"p": test.p, "p_holm": test.p_holm, "lost": test.lost, "won": test.won} if test else {}),
    }
