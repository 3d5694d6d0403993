"""What the commands share: options, the settings that they make, and plain tables."""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from moralsc.errors import InputError
from moralsc.models import find
from moralsc.notation import duration
from moralsc.settings import LANGUAGES, Settings

DataFolder = Annotated[Path | None, typer.Option("--data", help="folder with your own copies of benchmark files")]
PromptFile = Annotated[
    Path | None, typer.Option("--prompts", help=f"a prompt set of your own (TOML), or one of {', '.join(LANGUAGES)}")
]

SystemText = Annotated[
    str | None, typer.Option("--system", help="system message; by default what the model's chat template writes")
]
NoSystem = Annotated[bool, typer.Option("--no-system", help="no system message, not even the chat template's own")]
PrefillName = Annotated[
    str,
    typer.Option("--prefill", help="name of the answer's opening (docs/prefills.md); set is the prompt set's own"),
]

MODEL = (
    "name in the catalogue (see `moralsc models`), path of a model's folder or .gguf file, or an address: "
    "openai:http://HOST:PORT[#MODEL], hf:OWNER/NAME"
)
"""What --model takes."""


def system_of(text: str | None, without: bool) -> str | None:
    """What --system and --no-system say, as in `Manner.system`.

    Raises:
        InputError: they contradict each other.
    """
    if without and text:
        raise InputError("--system and --no-system exclude each other: give one of them.")
    return "" if without else text


def read_settings(data: Path | None = None, prompts: Path | None = None) -> Settings:
    """The environment's settings with what the options say instead."""
    options = {"MORALSC_DATA": data, "MORALSC_PROMPTS": prompts}
    return Settings.from_env(os.environ | {name: str(path) for name, path in options.items() if path is not None})


def show_table(rows: Sequence[Sequence[str]]) -> None:
    """Aligned columns; the last one as wide as it likes."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    for row in rows:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@contextmanager
def show_loading(name: str) -> Iterator[None]:
    """A line on standard error while a model is loaded; none for a practice model, which takes an instant."""
    spec = find(name)
    if spec.bundled or spec.address:
        yield
        return
    typer.echo(f"Loading {spec.title} ...", err=True, nl=False)
    started = time.monotonic()
    try:
        yield
    except BaseException:
        typer.echo(err=True)  # the sentence that says why gets a line of its own
        raise
    typer.echo(f" ready after {duration(time.monotonic() - started)}", err=True)


def show_bytes(name: str, done: int, total: int) -> None:
    """A line that grows with a download where a person watches, nothing elsewhere."""
    if sys.stderr.isatty():
        of = f" of {total / 1e6:.1f}" if total else ""
        typer.echo(f"\r{name}: {done / 1e6:.1f}{of} MB" + ("\n" if done == total else ""), err=True, nl=False)


def plain(text: str) -> str:
    """The text without characters that a terminal would obey."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)
