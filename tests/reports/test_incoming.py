"""Runs that somebody brings: good ones give their figures, and whatever else comes gets a sentence."""

import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from batch.fakes import FAKES, SETTINGS, design, fake
from catalogues import offering

from moralsc.batch import folder
from moralsc.batch.design import Order
from moralsc.batch.run import run
from moralsc.errors import DataError
from moralsc.reports import incoming
from moralsc.reports.incoming import receive
from moralsc.reports.runs import read_run

MADE = design("winogender:bundled", "specificity-0", limit=4, batch=2)


class BrokenOffError(Exception):
    """Ends a run after some batches."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "run"
    with offering(FAKES):
        run(MADE, out, SETTINGS, load=lambda name: fake(FAKES[name]))
    return out


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("half") / "run"

    def stop(_: Any) -> None:
        raise BrokenOffError

    with offering(FAKES), pytest.raises(BrokenOffError):
        run(MADE, out, SETTINGS, load=lambda name: fake(FAKES[name]), on_progress=stop)
    return out


def zipped(run: Path, target: Path, inside: str = "my run/", extra: dict[str, bytes] | None = None) -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(p for p in run.rglob("*") if p.is_file()):
            file.write(path, inside + path.relative_to(run).as_posix())
        for name, data in (extra or {}).items():
            file.writestr(name, data)
    return target


@pytest.mark.parametrize("inside", ["", "my run/", "a/b/c/"])
def test_a_zipped_run_is_the_run(whole: Path, tmp_path: Path, inside: str) -> None:
    found = receive(zipped(whole, tmp_path / "x.zip", inside), tmp_path / "into", SETTINGS, "mine").run
    assert found.results == read_run(whole).results
    assert found.head == read_run(whole).head
    assert (found.name, found.incomplete) == ("mine", "")


def test_an_unfinished_run_is_brought_too_and_says_so(half: Path, tmp_path: Path) -> None:
    found = receive(zipped(half, tmp_path / "x.zip"), tmp_path / "into", SETTINGS).run
    assert found.results == read_run(half).results
    assert found.incomplete == read_run(half).incomplete != ""


@pytest.mark.parametrize("order", Order)
def test_a_parquet_file_alone_tells_in_which_orders_its_options_stood(tmp_path: Path, order: Order) -> None:
    made = replace(MADE, order=order, limit=2)
    with offering(FAKES):
        run(made, tmp_path / "run", SETTINGS, load=lambda name: fake(FAKES[name]))
    found = receive(tmp_path / "run" / folder.RECORDS, tmp_path / "into", SETTINGS).run
    assert found.head["design"]["order"] == order


def test_a_parquet_file_alone_has_the_same_results(whole: Path, tmp_path: Path) -> None:
    assert receive(whole / folder.RECORDS, tmp_path, SETTINGS).run.results == read_run(whole).results


def test_nothing_but_the_run_is_unpacked_and_only_into_the_given_folder(whole: Path, tmp_path: Path) -> None:
    extra = {"../../evil.txt": b"x", "my run/evil.sh": b"x", "my run/records/../../evil.jsonl": b"x", "/evil": b"x"}
    receive(zipped(whole, tmp_path / "x.zip", extra=extra), tmp_path / "into", SETTINGS)
    assert not list(tmp_path.rglob("*evil*"))
    assert not (tmp_path.parent / "evil.txt").exists()


def bomb(whole: Path, path: Path) -> Path:
    return zipped(whole, path, extra={"my run/records/000-9.jsonl": b"0" * 3_000_000})


def edited(whole: Path, path: Path, **columns: Any) -> Path:
    frame = pd.read_parquet(whole / folder.RECORDS)
    for name, value in columns.items():
        frame[name] = value
    frame.to_parquet(path)
    return path


def said(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


BAD: dict[str, tuple[Callable[[Path, Path], Path], str]] = {
    "text": (lambda whole, to: said(to, b"hello"), "begins neither as a zip file, nor as Parquet, nor as JSON lines"),
    "nothing": (lambda whole, to: said(to, b""), "is empty"),
    "odd bytes": (lambda whole, to: said(to, b"\xff\xfe\x00" * 99), "begins neither"),
    "JSON lines in UTF-16": (lambda whole, to: said(to, '{"row": 0}'.encode("utf-16")), "JSON lines in UTF-8"),
    "JSON lines in Latin-1": (lambda whole, to: said(to, b'{"a": "\xe9"}'), "line 1: not text in UTF-8"),
    "torn Parquet": (lambda whole, to: said(to, b"PAR1 and no more"), "cannot be read as Parquet"),
    "no JSON": (lambda whole, to: said(to, b"{not"), "line 1: not JSON"),
    "a number without end": (lambda whole, to: said(to, b'{"row": ' + b"9" * 9999 + b"}"), "no run of ours has"),
    "other keys": (lambda whole, to: said(to, b'{"a": 1}'), "no prediction's.* Allowed are winogender: template"),
    "blank lines": (lambda whole, to: said(to, b"{} \n" * 3), "no prediction's"),
    "other columns": (lambda whole, to: (pd.DataFrame({"a": [1]}).to_parquet(to), to)[1], "lacks columns .*row"),
    "another type": (lambda whole, to: edited(whole, to, round="one"), "another type .*round"),
    "no run": (lambda whole, to: zipped(to.parent / "nowhere", to, extra={"a.txt": b"x"}), "0 run folders"),
    "two runs": (lambda whole, to: zipped(whole, to, extra={"b/run.json": b"{}"}), "2 run folders"),
    "a head of others": (lambda whole, to: zipped(to.parent / "nowhere", to, extra={"run.json": b"{}"}), "not a run's"),
    "a torn zip": (lambda whole, to: said(to, zipped(whole, to).read_bytes()[:-60]), "cannot be read"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_run_gets_a_sentence(kind: str, whole: Path, tmp_path: Path) -> None:
    make, says = BAD[kind]
    brought = make(whole, tmp_path / "brought.bin")
    with pytest.raises(DataError, match=says) as refused:
        receive(brought, tmp_path / "into", SETTINGS)
    sentence = str(refused.value)
    assert sentence.endswith(
        "Bring a run's folder as .zip, its records.parquet, or predictions as moralsc score reads them (.jsonl)."
    )
    assert str(tmp_path) not in sentence
    assert len(sentence) < 700


def test_a_head_that_promises_what_is_not_there_gets_a_sentence(whole: Path, tmp_path: Path) -> None:
    head = json.loads((whole / "run.json").read_text())
    for broken in ({**head, "design": {}}, {**head, "rows": "many"}, {**head, "attempts": 3, "design": {"models": 1}}):
        made = tmp_path / "made.zip"
        with zipfile.ZipFile(made, "w") as file:
            file.writestr("run.json", json.dumps(broken))
        with pytest.raises(DataError):
            receive(made, tmp_path / "into", SETTINGS)


def test_sizes_are_counted_and_not_believed(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = bomb(whole, tmp_path / "bomb.zip")
    assert made.stat().st_size < 100_000
    monkeypatch.setattr(incoming, "UNPACKED", 2)
    with pytest.raises(DataError, match="more than 2 MB"):
        receive(made, tmp_path / "into", replace(SETTINGS, bring_mb=1))
    monkeypatch.setattr(incoming, "MAX_ROWS", 3)
    with pytest.raises(DataError, match="Allowed are 3 rows"):
        receive(whole / folder.RECORDS, tmp_path / "other", SETTINGS)
    with pytest.raises(DataError, match=r"has 1\.2 MB\. At most 1 MB are allowed"):
        receive(said(tmp_path / "large.zip", b"PK" * 600_000), tmp_path / "again", replace(SETTINGS, bring_mb=1))


def test_a_text_that_every_row_names_counts_as_often(whole: Path, tmp_path: Path) -> None:
    made = edited(whole, tmp_path / "long.parquet", reason="x" * 1_000_000)
    assert made.stat().st_size < 1_000_000
    with pytest.raises(DataError, match="texts of more than 8 MB"):
        receive(made, tmp_path / "into", replace(SETTINGS, bring_mb=1))
    listed = edited(whole, tmp_path / "lists.parquet", labels=[["x" * 1_000_000]] * len(pd.read_parquet(made)))
    with pytest.raises(DataError, match="texts of more than 8 MB"):
        receive(listed, tmp_path / "into", replace(SETTINGS, bring_mb=1))


def test_a_value_that_no_record_has_gets_a_sentence(whole: Path, tmp_path: Path) -> None:
    for name, value in (("favoured_role", "villain"), ("condition", "rainy"), ("source", "rumour")):
        with pytest.raises(DataError, match="no run of ours has"):
            receive(edited(whole, tmp_path / f"{name}.parquet", **{name: value}), tmp_path / name, SETTINGS)
