"""CONTRIBUTING's promises, kept by doing it: a benchmark is one file and one line, a model and a correction one table.

In a copy of the package all three are added, and each goes through everything: asked, run, scored, compared, reported,
exported and shown. Nothing else of the copy is touched.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

BENCHMARK = '''
"""Pets: made up for a test."""

from moralsc.benchmarks import sources
from moralsc.benchmarks.base import Benchmark
from moralsc.items import Item, ItemSet, Option, Role

PETS = sources.Published("pets", "", "", "pets.jsonl", "")


def _item(place, row, bundled):
    roles = (Role.UNBIASED, Role.STEREOTYPED)
    options = tuple(Option("ab"[k], text, role) for k, (text, role) in enumerate(zip(row["options"], roles)))
    id = ("b-" if bundled else "") + row["id"]
    return Item("pets", id, "dogs", row["id"], row["context"], "Who barks?", options, "a", "breed", {}, place, bundled)


class Pets(Benchmark):
    name, title, short, licence, citation = "pets", "Pets", "Pets", "CC0", "Nobody: Pets. 2026."
    categories, parts, bundles = ("dogs",), {"": (PETS,)}, True

    def read(self, part, files):
        rows = sources.read_jsonl(files[0].path)
        return ItemSet("pets", tuple(_item("yours", row, False) for _, row in rows), (), "yours", False)

    def bundled(self, part):
        options = ["the dog", "the poodle"]
        rows = [{"id": f"dog-{k}", "context": f"Dog {k} met a poodle.", "options": options} for k in range(4)]
        return ItemSet("pets", tuple(_item("ours", row, True) for row in rows), (), "ours", True)
'''
LINE = "        Pets(),\n"
MODEL = """
[rex]
title = "Rex"
family = "Rex"
parameters = 382656
stage = "instruct"
scored_by = "text"
licence = "Apache-2.0"
nature = "Practice model: planted biases; not evidence about language models. Another name for one of them."
path = "mini-s-instruct"
sha256 = "9ca5e92760d4a14a"
bundled = true
"""
CORRECTION = """
# A comment breaks nothing either.
[correction.calm]
title = "Stay calm"
short = "stay calm"
side = "ethical"
rung = 7
text = "Please stay calm."
"""
EVERYTHING = """
import json, sys
from pathlib import Path
from typer.testing import CliRunner
import moralsc
from moralsc.cli import app
from moralsc.benchmarks import find_item
from moralsc.models import ASSETS
from moralsc.prompts import default_prompts
from moralsc.reports.figures import figures
from moralsc.reports.runs import read_run
from moralsc.settings import Settings
from moralsc.ui import texts, views
from moralsc.ui.behind import Behind, Chosen
from moralsc.ui.library import Library
from moralsc.ui.shelf import Shelf

to, said = Path(sys.argv[1]), {}
def call(name, *words):
    done = CliRunner().invoke(app, [str(word) for word in words])
    said[name] = [done.exit_code, done.output]
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception

run, sets = to / "run", ["--benchmark", "pets:bundled", "--benchmark", "pets:dogs", "--benchmark", "winogender:bundled"]
call("ask", "ask", "--model", "rex", "--benchmark", "pets", "--item", "wolf", "--correct", "calm", "--data", to)
call("data", "data", "list", "--data", to)
call("run", "run", "--model", "rex", *sets, "--corrections", "ladder,calm", "--limit", 2, "--out", run, "--data", to)
call("score", "score", "--run", run)
call("compare", "compare", run)
call("report", "report", run, "--out", to / "report.html")
for form in ("csv", "parquet", "lm-eval"):
    call(form, "export", run, "--format", form, "--out", to / f"export.{form}")
(to / "answers.jsonl").write_text("{}")
call("predictions", "score", "--benchmark", "pets", "--predictions", to / "answers.jsonl")

settings = Settings(cache=to, data=to, results=to)
shelf, item = Shelf(settings), find_item("pets", "wolf", settings)
said["page"] = [0, json.dumps([shelf.titles(), views.item_card(item), texts.set_title("pets:bundled")])]
read = read_run(run)
said["charts"] = [0, json.dumps([chart.records() for chart in figures([read]).charts])]
(name,) = [folder.name for folder in Library(settings).folders()]
chosen = Chosen(name, "rex", "pets", "calm", small_mass=True)
listing = Behind(Library(settings), settings, default_prompts()).listing(chosen, 0)
said["behind"] = [0, json.dumps([listing.rows, listing.sentence])]
said["bundled run"] = [0, " ".join(read_run(ASSETS / "results" / "winogender").models)]
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each command and each part of the page said, in the copy; each command succeeded."""
    folder = tmp_path_factory.mktemp("promises")
    shutil.copytree(ROOT / "moralsc", folder / "moralsc", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "assets").symlink_to(ROOT / "assets")
    package = folder / "moralsc"
    (package / "benchmarks" / "pets.py").write_text(BENCHMARK)
    registry = (
        (package / "benchmarks" / "registry.py")
        .read_text()
        .replace("        CrowsPairs(),\n", f"        CrowsPairs(),\n{LINE}", 1)
    )
    (package / "benchmarks" / "registry.py").write_text(
        registry.replace("\n\n", "\n\nfrom moralsc.benchmarks.pets import Pets\n", 1)
    )
    for file, table in (("models/catalogue.toml", MODEL), ("prompts/default.toml", CORRECTION)):
        (package / file).write_text((package / file).read_text() + table)
    rows = [{"id": id, "context": "It met a poodle.", "options": [f"the {id}", "the poodle"]} for id in ("wolf", "fox")]
    (folder / "pets.jsonl").write_text("\n".join(map(json.dumps, rows)))
    environment = {**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", EVERYTHING, str(folder)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: dict[str, tuple[int, str]] = json.loads(done.stdout.splitlines()[-1])
    wrong = {name: output for name, (code, output) in found.items() if code != 2 * (name == "predictions")}
    assert wrong == {}
    return {name: output for name, (_, output) in found.items()} | {"report": (folder / "report.html").read_text()}


def test_a_new_benchmark_goes_through_everything(said: dict[str, str]) -> None:
    assert "the wolf" in said["ask"]
    assert "pets" in said["data"]
    for name in ("run", "score", "compare", "report", "charts"):
        assert "pets:bundled" in said[name] or "Pets (bundled items)" in said[name], name
    assert all(metric in said["score"] for metric in ("accuracy", "stereotyped", "gain", "lost", "place_1", "mass"))
    assert "Pets (bundled)" in said["page"]
    assert "the poodle" in said["page"]
    assert "2 rows; p is the right option's" in said["behind"]


def test_answers_to_it_that_were_made_elsewhere_are_refused_in_a_sentence(said: dict[str, str]) -> None:
    assert "Answers to Pets that were made elsewhere cannot be read" in said["predictions"]


def test_a_new_model_answers_under_its_name(said: dict[str, str]) -> None:
    assert all("rex" in said[name].lower() for name in ("ask", "run", "score", "report", "charts"))


def test_a_new_correction_is_a_rung_everywhere(said: dict[str, str]) -> None:
    assert "Please stay calm." in said["ask"]
    assert all("calm" in said[name] for name in ("score", "compare", "report", "charts"))


def test_what_was_recorded_before_is_read_as_before(said: dict[str, str]) -> None:
    assert "mini-s-instruct" in said["bundled run"]
