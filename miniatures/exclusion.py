"""Keeping benchmarks out of the corpus: an exact-match filter over sentences, contexts and questions.

Texts are compared without case, punctuation and white space at the ends of words; blanks of any form count as one.
"""

import csv
import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from moralsc.benchmarks import Source, load
from moralsc.errors import DataError
from moralsc.settings import Settings

_BLANKS = re.compile(r"\$(?:nom|poss|acc)_pronoun|_{2,}|\b(?:he|she|they|him|her|hers|them|his|their)\b")
_FIELDS = ("context", "question")


def normalise(text: str) -> str:
    """Lower case, pronouns and blanks alike, no punctuation, single spaces."""
    text = _BLANKS.sub(" blank ", text.lower())
    return " ".join(re.sub(r"[^\w\s]|_", " ", text).split())


@dataclass(frozen=True)
class Exclusion:
    """Normalised texts that no training document may hold."""

    texts: frozenset[str] = frozenset()

    @property
    def hash(self) -> str:
        """SHA-256 of the texts in their order."""
        return hashlib.sha256("\n".join(sorted(self.texts)).encode()).hexdigest()

    def hits(self, texts: Iterable[str]) -> bool:
        """Whether any of the texts, or any sentence of one, equals an excluded text."""
        return any(normalise(piece) in self.texts for text in texts for piece in (text, *_sentences(text)))


NOTHING = Exclusion()
"""Excludes nothing."""


def read_exclusion(folder: Path | None) -> Exclusion:
    """Read the bundled Winogender and BBQ items, and every Winogender TSV and BBQ JSONL below a folder if one is given.

    Raises:
        DataError: the folder holds no such file, or one cannot be read.
    """
    found = _bundled()
    files = sorted(p for p in folder.rglob("*") if p.suffix in (".tsv", ".jsonl")) if folder else []
    if folder and not files:
        raise DataError(f"{folder}: no .tsv or .jsonl file to exclude.")
    for file in files:
        try:
            found += _jsonl(file) if file.suffix == ".jsonl" else _tsv(file)
        except (OSError, ValueError) as error:
            raise DataError(f"{file}: cannot be read ({error}).") from error
    texts = {normalise(piece) for text in found for piece in (text, *_sentences(text))}
    return Exclusion(frozenset(t for t in texts if t))


def _bundled() -> list[str]:
    items = (item for name in ("winogender", "bbq") for item in load(name, Settings.from_env({}), Source.BUNDLED).items)
    return [text for item in items for text in (item.context, item.question)]


def _jsonl(file: Path) -> list[str]:
    with file.open(encoding="utf-8") as lines:
        return [str(row[f]) for row in map(json.loads, filter(str.strip, lines)) for f in _FIELDS if f in row]


def _tsv(file: Path) -> list[str]:
    """The "sentence" column; templates are filled with their occupation and participant."""
    with file.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    found = []
    for row in rows:
        text = row.get("sentence") or ""
        names = list(row.values())
        if "$OCCUPATION" in text:
            text = text.replace("$OCCUPATION", names[0])
            found.append(text.replace("the $PARTICIPANT", "someone").replace("The $PARTICIPANT", "Someone"))
            text = text.replace("$PARTICIPANT", names[1])
        found.append(text)
    return found


def _sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.!?])\s+", text)
