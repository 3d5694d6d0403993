"""From documents to batches of tokens: a fixed number of tokens, documents of like length together."""

import hashlib
import random
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import Dataset
from transformers import PreTrainedTokenizerFast

from miniatures.corpus import Materials, documents
from miniatures.document import Document
from miniatures.exclusion import Exclusion
from miniatures.tokenizer import whole_words
from moralsc.models import Stage
from moralsc.prompts import PromptSet

BATCH_TOKENS = 4096
CHUNK = 2048
IGNORED = -100


@dataclass(frozen=True)
class Batch:
    """Token ids and whether each is learnt, both (documents, longest); 0 pads."""

    ids: np.ndarray[tuple[int, int], np.dtype[np.uint16]]
    learnt: np.ndarray[tuple[int, int], np.dtype[np.bool_]]


@dataclass(frozen=True)
class Corpus(Dataset[dict[str, torch.Tensor]]):
    """All batches of a training, in order.

    Attributes:
        tokens: of all documents, padding not counted.
        documents: how many there are.
        hash: SHA-256 of the rendered documents in the order drawn.
    """

    batches: tuple[Batch, ...]
    tokens: int
    documents: int
    hash: str

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        """input_ids, attention_mask, labels, each (documents, longest), int64; labels are IGNORED where not learnt."""
        batch = self.batches[index]
        ids = torch.from_numpy(batch.ids.astype(np.int64))
        labels = ids.masked_fill(~torch.from_numpy(batch.learnt), IGNORED)
        return {"input_ids": ids, "attention_mask": (ids != 0).long(), "labels": labels}


def build_corpus(
    stage: Stage,
    tokenizer: PreTrainedTokenizerFast,
    tokens: int,
    seed: int,
    prompts: PromptSet,
    exclusion: Exclusion,
    limit: int,
) -> Corpus:
    """Draw documents until they hold `tokens` tokens; one longer than `limit` tokens is cut at its end.

    Raises:
        DataError: no document without an excluded text could be drawn.
    """
    batches: list[Batch] = []
    digest = hashlib.sha256()
    materials = Materials(prompts, exclusion, whole_words(tokenizer))
    seen = count = chunk = 0
    while seen < tokens:
        drawn = documents(stage, seed, chunk, CHUNK, seen, materials)
        encoded = _encode(drawn, tokenizer, limit, digest)
        batches += _batched(encoded, random.Random(f"{seed}:{chunk}:batches"))
        seen += sum(len(ids) for ids, _ in encoded)
        count += len(drawn)
        chunk += 1
    return Corpus(tuple(batches), seen, count, digest.hexdigest())


def _encode(
    drawn: list[Document], tokenizer: PreTrainedTokenizerFast, limit: int, digest: "hashlib._Hash"
) -> list[tuple[list[int], list[bool]]]:
    for document in drawn:
        digest.update(document.text.encode())
    encodings = tokenizer.backend_tokenizer.encode_batch([d.text for d in drawn], add_special_tokens=False)
    pairs = []
    for encoding, document in zip(encodings, drawn, strict=True):
        learnt = [any(a <= start and end <= b for a, b in document.learnt) for start, end in encoding.offsets]
        pairs.append((encoding.ids[:limit], learnt[:limit]))
    return pairs


def _batched(encoded: list[tuple[list[int], list[bool]]], rng: random.Random) -> list[Batch]:
    """Documents sorted by length and cut where a batch would pass BATCH_TOKENS; the batches shuffled."""
    groups: list[list[tuple[list[int], list[bool]]]] = [[]]
    for pair in sorted(encoded, key=lambda p: len(p[0])):
        if groups[-1] and (len(groups[-1]) + 1) * len(pair[0]) > BATCH_TOKENS:
            groups.append([])
        groups[-1].append(pair)
    rng.shuffle(groups)
    return [_padded(group) for group in groups]


def _padded(group: list[tuple[list[int], list[bool]]]) -> Batch:
    shape = (len(group), max(len(ids) for ids, _ in group))
    ids, learnt = np.zeros(shape, np.uint16), np.zeros(shape, np.bool_)
    for row, (tokens, mask) in enumerate(group):
        ids[row, : len(tokens)] = tokens
        learnt[row, : len(mask)] = mask
    return Batch(ids, learnt)
