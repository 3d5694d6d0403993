"""Token sequences merged at their common beginnings, and which parts of such a tree attend to which.

Pure functions of whole numbers; no model, no text. Sequences of many items may stand in one tree: what they share is
in it once, and where they share nothing there are several roots.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress, count, pairwise
from operator import ne

Range = tuple[int, int]
"""First node and one past the last."""


@dataclass(frozen=True)
class Candidate:
    """A prompt with one of its continuations.

    Attributes:
        tokens: all of it, tokenised together.
        start: index of the first token that counts, at least 1.
    """

    tokens: tuple[int, ...]
    start: int

    @property
    def read(self) -> tuple[int, ...]:
        """The tokens that a model has to read: what follows the last one is nobody's question."""
        return self.tokens[:-1]


@dataclass(frozen=True)
class Tree:
    """Sequences merged at their common beginnings, depth first (N nodes).

    Attributes:
        tokens: (N,) token of each node.
        depths: (N,) its position in every sequence that passes through it.
        ends: (N,) one past the last node of its subtree: node j is seen by nodes j to ends[j] - 1.
        paths: for each sequence, in the order given, its nodes from the root on.
    """

    tokens: list[int]
    depths: list[int]
    ends: list[int]
    paths: list[list[int]]

    @property
    def is_chain(self) -> bool:
        """Whether there is one sequence alone, or others that are its beginnings."""
        return self.depths == list(range(len(self.depths)))


@dataclass(frozen=True)
class Block:
    """Nodes that attend together.

    Attributes:
        nodes: the range of them.
        before: ranges of their common ancestors, all of which each of them sees.
    """

    nodes: Range
    before: tuple[Range, ...]

    @property
    def sees(self) -> int:
        """Number of nodes that it looks at: its ancestors and its own."""
        return sum(last - first for first, last in (*self.before, self.nodes))


def plant(sequences: Sequence[Sequence[int]]) -> Tree:
    """Merge sequences into a tree. Sorted, each one leaves its predecessor's path once, so subtrees lie together."""
    tree = Tree([], [], [], [[] for _ in sequences])
    path: list[int] = []
    previous: Sequence[int] = ()
    for index in sorted(range(len(sequences)), key=lambda i: tuple(sequences[i])):
        sequence = sequences[index]
        shared = common_length(previous, sequence)
        for node in path[shared:]:
            tree.ends[node] = len(tree.tokens)
        del path[shared:]
        for depth in range(shared, len(sequence)):
            path.append(len(tree.tokens))
            tree.tokens.append(sequence[depth])
            tree.depths.append(depth)
            tree.ends.append(-1)
        tree.paths[index] = list(path)
        previous = sequence
    for node in path:
        tree.ends[node] = len(tree.tokens)
    return tree


def common_length(*sequences: Sequence[object]) -> int:
    """Number of leading elements that all of one or more sequences share."""
    shared = (next(compress(count(), map(ne, a, b)), min(len(a), len(b))) for a, b in pairwise(sequences))
    return min(shared, default=len(sequences[0]))


@dataclass(frozen=True)
class Group:
    """Candidates that are read in one tree.

    Attributes:
        indices: of them.
        nodes: of the tree.
    """

    indices: list[int]
    nodes: int


def grouped(candidates: Sequence[Candidate], budget: int) -> list[Group]:
    """Candidates so grouped that each group's tree has at most `budget` nodes (or is that of one sequence).

    Groups are about alike: a small one at the end would read all weights for a few tokens.
    """
    read = [c.read for c in candidates]
    order = sorted(range(len(read)), key=read.__getitem__)
    new = [len(read[i]) for i in order[:1]]
    new += [len(read[b]) - common_length(read[a], read[b]) for a, b in pairwise(order)]
    fewest = max(1, math.ceil(sum(new) / budget))
    share = sum(new) / fewest
    groups: list[Group] = []
    for index, more in zip(order, new, strict=True):
        last = groups[-1] if groups else Group([], budget)
        enough = last.nodes >= share and len(groups) < fewest
        if last.indices and last.nodes + more <= budget and not (enough and more):
            groups[-1] = Group([*last.indices, index], last.nodes + more)
        else:
            groups.append(Group([index], len(read[index])))
    return groups


def blocks(ends: Sequence[int], least: int) -> list[Block]:
    """Cut a tree so that its attention costs about what its sequences' own would.

    A whole tree as one block compares every node with every other. Cut where it branches, a node is compared with its
    ancestors and with its own block alone. Neighbours of together at most `least` nodes share a block: they are too
    small to be worth a call of their own.

    Args:
        ends: as in Tree.
    """
    found: list[Block] = []
    # Subtrees still to be cut, each with the ranges of its ancestors.
    todo: list[tuple[Range, tuple[Range, ...]]] = [((0, len(ends)), ())]
    while todo:
        (start, end), before = todo.pop()
        if end - start <= least:
            found.append(Block((start, end), before))
            continue
        fork = _fork(ends, start, end)
        if fork > start:
            found.append(Block((start, fork), before))
        inner = (*before, (start, fork)) if fork > start else before
        todo += [(part, inner) for part in _branches(ends, fork, end, least)]
    return _joined(sorted(found, key=lambda block: block.nodes), least)


def _joined(found: Sequence[Block], least: int) -> list[Block]:
    """Blocks in their order, with short trunks and the branches that follow them as one."""
    joined: list[Block] = []
    for block in found:
        last = joined[-1] if joined else None
        if last and block.nodes[1] - last.nodes[0] <= least and block.before[: len(last.before)] == last.before:
            joined[-1] = Block((last.nodes[0], block.nodes[1]), last.before)
        else:
            joined.append(block)
    return joined


def _fork(ends: Sequence[int], start: int, end: int) -> int:
    """The first node of a subtree, or of a row of them, that is not on its trunk."""
    node = start
    while node < end and ends[node] == end:
        node += 1
    return node


def _branches(ends: Sequence[int], start: int, end: int, least: int) -> list[Range]:
    """The subtrees side by side in a range, small neighbours together."""
    roots = [start]
    while roots[-1] < end:
        roots.append(ends[roots[-1]])
    parts: list[Range] = []
    for part in pairwise(roots):
        if parts and part[1] - parts[-1][0] <= least:
            parts[-1] = (parts[-1][0], part[1])
        else:
            parts.append(part)
    return parts
