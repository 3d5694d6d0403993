"""How long a model in a GGUF file takes until it is ready: as transformers loads it, unpacked for the first time, and
from then on. Each in a process of its own, importing not counted; prints seconds, ratios and peaks of memory.

Run `python -m benchmarks.loading [--model NAME ...] [--repeat 3]` on a quiet machine. Asserts nothing.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from moralsc.engines.fit import needed
from moralsc.engines.store import Store
from moralsc.models import find, packages
from moralsc.notation import bytes_text

_PEER = """
import json, resource, sys, time, torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.models.{kind} import modeling_{kind}
before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
folder, file = sys.argv[1].rsplit("/", 1)
AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32)
AutoTokenizer.from_pretrained(folder, gguf_file=file)
seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([seconds, (after - before) * 1024]))
"""
_OURS = """
import json, resource, sys, time
from pathlib import Path
from transformers.models.{kind} import modeling_{kind}
from moralsc.engines import local_gguf
from moralsc.engines.pool import load_local
from moralsc.engines.store import Store
before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
load_local(sys.argv[1], offline=True, store=Store(Path(sys.argv[2])))
seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([seconds, (after - before) * 1024]))
"""
_KINDS = {"SmolLM2": "llama", "Gemma 3": "gemma3"}


def measure(script: str, *words: str) -> tuple[float, float]:
    """(seconds, bytes by which the peak of memory grew) of a script in a process of its own."""
    done = subprocess.run([sys.executable, "-c", script, *words], check=True, capture_output=True, text=True)
    seconds, grown = json.loads(done.stdout.splitlines()[-1])
    return seconds, grown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", nargs="*", default=["smollm2-135m-instruct-q4", "gemma-3-270m"])
    parser.add_argument("--repeat", type=int, default=3)
    given = parser.parse_args()
    print("| model | loaded by | seconds | times as fast | memory | expected |\n|---|---|---|---|---|---|")
    for name in given.model:
        spec = find(name)
        file, kind = packages.locate(spec, Store().cache), _KINDS[spec.family]
        expected = bytes_text(needed(spec, "float32"))
        peer = min(measure(_PEER.format(kind=kind), str(file)) for _ in range(given.repeat))
        first, later = [], []
        for _ in range(given.repeat):
            with tempfile.TemporaryDirectory() as cache:
                Path(cache).mkdir(exist_ok=True)
                packages.locate(spec, Path(cache))  # joined and verified before, as an installation does it
                first.append(measure(_OURS.format(kind=kind), name, cache))
                later.append(measure(_OURS.format(kind=kind), name, cache))
        found = {"transformers": peer, "moralsc, first": min(first), "moralsc, then": min(later)}
        for title, (seconds, grown) in found.items():
            cells = (
                spec.title,
                title,
                f"{seconds:.1f}",
                f"{peer[0] / seconds:.1f}",
                bytes_text(round(grown)),
                expected,
            )
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
