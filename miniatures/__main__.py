"""Command line of the miniatures: train them, measure them."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from miniatures.exclusion import read_exclusion
from miniatures.family import copy_seeds
from miniatures.measuring import evaluate, write_report
from miniatures.sizes import SIZES, STAGES, folder
from moralsc.errors import InputError, MoralscError
from moralsc.models import ASSETS, Stage
from moralsc.settings import Settings

MODELS = ASSETS / "models"
DOCS = ASSETS.parent / "docs"
OUT = Path("build/miniatures")


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command and run it."""
    parser = argparse.ArgumentParser(prog="python -m miniatures", description=__doc__)
    commands = parser.add_subparsers(required=True)
    training = commands.add_parser("train", help="train a practice model, stage by stage; what is trained stays")
    training.add_argument("--size", choices=SIZES, required=True)
    training.add_argument("--stage", choices=("all", *STAGES), default="all")
    training.add_argument("--seed", type=_seed, default=0)
    training.add_argument("--out", type=Path, default=OUT, help=f"folder that holds one folder a stage ({OUT})")
    training.add_argument("--exclude", type=Path, help="folder of benchmarks to keep out, beside the bundled ones")
    training.add_argument("--amount", type=_positive, help="tokens (aligned: pairs) of one stage, for a trial")
    training.add_argument(
        "--compile", action="store_true", help="faster by a third, needs g++; not the same to the bit"
    )
    training.set_defaults(run=_train)
    measuring = commands.add_parser(
        "evaluate", help="measure the practice models, write their cards and docs/miniatures.md"
    )
    what = measuring.add_mutually_exclusive_group()
    what.add_argument("--model", type=Path, nargs="+", help="measure these folders instead; docs stay as they are")
    what.add_argument("--seeds", type=Path, help="take further seeds from FOLDER/seed-N/mini-..., then write docs anew")
    what.add_argument("--report-only", action="store_true", help="measure nothing, write cards and docs anew")
    measuring.add_argument("--items", type=_count, help="with --model: no more items of any set, for a quick try")
    measuring.set_defaults(run=_evaluate)
    options = parser.parse_args(arguments)
    if getattr(options, "items", None) and not options.model:
        parser.error("--items goes with --model: a quick try is not to replace what was measured of bundled models")
    if getattr(options, "amount", None) and options.stage == "all":
        parser.error("--amount goes with one --stage: base and instruct count tokens, aligned counts pairs")
    try:
        options.run(options)
    except MoralscError as error:
        sys.exit(str(error))


def _train(options: argparse.Namespace) -> None:
    exclusion = read_exclusion(options.exclude)
    try:
        from miniatures.training import train, trained  # needs trl, which measuring does not
    except ModuleNotFoundError as error:
        sys.exit(f"Training needs {error.name}: .venv/bin/pip install -r requirements-train.txt")
    for stage in STAGES if options.stage == "all" else (Stage(options.stage),):
        command = f"python -m miniatures train --size {options.size} --stage {stage} --seed {options.seed}"
        command += f" --amount {options.amount}" if options.amount else ""
        command += " --compile" if options.compile else ""
        command += " --exclude FOLDER" if options.exclude else ""
        made = trained(options.size, stage, options.out) if options.stage == "all" else None
        if made and (made.seed, made.excluded_sha256) == (options.seed, exclusion.hash):
            print(options.out / folder(options.size, stage), "is there already", flush=True)
        elif made:
            raise InputError(
                f"{options.out / folder(options.size, stage)} was trained with seed {made.seed}, or with other texts "
                "excluded. Take another folder with --out, or remove it."
            )
        else:
            print(
                train(
                    options.size,
                    stage,
                    options.seed,
                    options.out,
                    exclusion,
                    options.amount,
                    command=command,
                    compiled=options.compile,
                )
            )


def _evaluate(options: argparse.Namespace) -> None:
    folders = options.model or sorted(p.parent for p in MODELS.glob("mini-*/training.json"))
    if not folders:
        raise InputError(f"{MODELS} holds no mini-.../training.json: nothing to measure.")
    if not options.report_only and not options.seeds:
        for path in folders:
            evaluate(path.resolve(), Settings.from_env(os.environ), options.items)
            print(path.name, "measured", flush=True)
    if options.seeds:
        copy_seeds(options.seeds, DOCS / "miniatures-seeds")
    if not options.model:
        write_report(MODELS, DOCS)


def _count(text: str) -> int:
    return _whole(text, 2)


def _positive(text: str) -> int:
    return _whole(text, 1)


def _seed(text: str) -> int:
    return _whole(text, 0, 2**32 - 1)


def _whole(text: str, least: int, most: int | None = None) -> int:
    allowed = f"a whole number of at least {least}" + (f", at most {most}" if most else "")
    if not text.isdecimal() or int(text) < least or (most is not None and int(text) > most):
        raise argparse.ArgumentTypeError(f"{text!r} is not {allowed}")
    return int(text)


if __name__ == "__main__":
    main()
