"""The registry: every benchmark by name. To add one, write its file and one line here; nothing registers itself."""

from moralsc.benchmarks.admissions import Admissions
from moralsc.benchmarks.base import Benchmark
from moralsc.benchmarks.bbq import Bbq
from moralsc.benchmarks.crows_pairs import CrowsPairs
from moralsc.benchmarks.esbbq import EsBbq
from moralsc.benchmarks.kobbq import KoBbq
from moralsc.benchmarks.mbbq import LANGUAGES, Mbbq
from moralsc.benchmarks.own import OWN, Own
from moralsc.benchmarks.winogender import Winogender

BENCHMARKS: dict[str, Benchmark] = {
    benchmark.name: benchmark
    for benchmark in (
        Winogender(),
        Bbq(),
        Admissions(),
        EsBbq("esbbq", "EsBBQ", "es"),
        EsBbq("cabbq", "CaBBQ", "ca"),
        KoBbq(),
        *map(Mbbq, LANGUAGES),
        CrowsPairs(),
    )
}
EXAMPLE = "bbq:Age,SES"
"""How items are named in a command, for help texts."""


def benchmark_of(name: str) -> Benchmark:
    """The benchmark of this name; of one's own item, and of one that is not here, that of any question."""
    return BENCHMARKS.get(name) or (_OWN if name == OWN else _unknown(name))


_OWN = Own()


def _unknown(name: str) -> Benchmark:
    found = Benchmark()
    found.name = found.title = found.short = name
    return found
