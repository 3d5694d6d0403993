"""Position: how often answers name the option that is shown first, second, third.

A model that answers by content names each place as often as the others once every option has stood in each of them;
what its shares differ by then is its bias for positions. Where each item was asked in one order alone, the two cannot
be told apart in an item; over all items they can, if the orders went round.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from moralsc.analysis.results import Result
from moralsc.analysis.statistics import Figure, share
from moralsc.notation import number

PLACES = ("1st", "2nd", "3rd", "4th", "5th", "6th", "7th", "8th")
"""What places are called; no item has more options."""


@dataclass(frozen=True)
class Tally:
    """Answers by place, each order of an item's options counted for itself.

    Attributes:
        counts: (places,) answers that named the option there.
        left_out: reason -> orders without an answer.
        orders: in how many orders the item was asked that was asked in the most; 0 if it is not known how they stood.
    """

    counts: tuple[int, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    orders: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        """Both together, as of two conditions of the same items."""
        longer, shorter = sorted((self.counts, other.counts), key=len, reverse=True)
        counts = tuple(n + (shorter[k] if k < len(shorter) else 0) for k, n in enumerate(longer))
        return Tally(counts, Counter(self.left_out) + Counter(other.left_out), max(self.orders, other.orders))

    def shares(self) -> dict[str, Figure]:
        """Place -> answers there / answers, with Wilson's interval; n counts answers.

        Answers about one item are no independent draws: over several orders or conditions the true intervals are wider.
        """
        n, left_out = sum(self.counts), dict(sorted(self.left_out.items()))
        return {PLACES[k]: share(hits, n, left_out) for k, hits in enumerate(self.counts)}

    @property
    def sentence(self) -> str:
        """What the shares can say, by how the items were asked; empty if that is not known."""
        if self.orders == 1:
            return (
                "Each item was asked in one order of its options alone: of one item, what is said for an option and "
                "what for its place cannot be told apart. Where the orders go round, all items together can tell."
            )
        if self.orders:
            places = len(self.counts)
            return f"Without a bias for positions each of the {places} places would hold {number(1 / places)}."
        return ""


def tally(results: Iterable[Result]) -> Tally:
    """The answers of these Results by place."""
    counts, left_out, orders = list[int](), Counter[str](), 0
    for result in results:
        if not result.places:
            continue
        counts += [0] * (len(result.places) - len(counts))
        for place, n in enumerate(result.places):
            counts[place] += n
        left_out.update(result.unplaced)
        orders = max(orders, sum(result.places) + len(result.unplaced))
    return Tally(tuple(counts), dict(left_out), orders)
