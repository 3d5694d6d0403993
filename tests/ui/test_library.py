"""The runs that the page can show: which there are, read once, read again when they have changed, and broken ones."""

import json
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from batch.made import bbq, by_item, in_folder, record
from catalogues import FIRST, offering

from moralsc.analysis.statistics import Resampling
from moralsc.batch import folder as run_folder
from moralsc.errors import InputError, RunError
from moralsc.models import PLANTED
from moralsc.reports import figures as measuring
from moralsc.settings import Settings
from moralsc.ui.kept import Kept
from moralsc.ui.library import BUNDLED, OPENING, Folder, Library, Own

FEW = Resampling(resamples=100)
BOTH = by_item([*bbq(["unknown", "biased", "biased"]), *bbq(["unknown", "unknown", "biased"], "specificity-0")])


def library(tmp_path: Path, results: Path | None = None, own: Callable[[str], Iterable[Own]] | None = None) -> Library:
    settings = Settings(cache=tmp_path / "cache", results=results)
    return Library(settings, tmp_path / "bundled", FEW, own or (lambda secret: ()))


def names(folders: tuple[Folder, ...]) -> list[str]:
    return [f.name for f in folders]


def test_without_any_folder_there_are_no_runs(tmp_path: Path) -> None:
    assert library(tmp_path).folders() == ()
    (tmp_path / "bundled").mkdir()
    (tmp_path / "bundled" / "notes").mkdir()
    (tmp_path / "bundled" / "file").write_text("no folder")
    assert library(tmp_path, tmp_path / "gone").folders() == ()


def test_a_visitors_runs_come_last_and_two_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for path in ("mine/a", "mine/b", "else/a", "else/c"):
        in_folder(tmp_path / path, BOTH)
    own = [Own(tmp_path / "else/a", "a"), Own(tmp_path / "else/c", "c")]
    own += [Own(tmp_path / "mine/b", "again"), Own(tmp_path / "no", "no")]
    here = library(tmp_path, tmp_path / "mine", lambda secret: own if secret == "me" else ())
    found = here.folders("me")
    assert names(found) == ["a", "b", "a (2)", "c"]
    assert [f.path.parent.name for f in found] == ["mine", "mine", "else", "else"]


def test_bundled_runs_are_there_until_a_folder_is_given(tmp_path: Path) -> None:
    for path in ("bundled/a", "mine/b"):
        in_folder(tmp_path / path, BOTH)
    assert names(library(tmp_path).folders()) == ["a"]
    assert names(library(tmp_path, tmp_path / "mine").folders()) == ["b"]


def asking(path: Path, *marks: str | None) -> None:
    """A run of models with these marks; None where run.json does not say."""
    in_folder(path, BOTH)
    head = json.loads((path / "run.json").read_text())
    names = [f"m{k}" for k in range(len(marks))]
    head["design"]["models"] = names
    head["models"] = {name: {"mark": mark} for name, mark in zip(names, marks, strict=True) if mark is not None}
    (path / "run.json").write_text(json.dumps(head))


def test_real_models_come_first_and_runs_of_practice_models_are_named_and_wait_aside(tmp_path: Path) -> None:
    asking(tmp_path / "bundled/a", PLANTED, PLANTED)
    asking(tmp_path / "bundled/b", PLANTED, "")
    asking(tmp_path / "bundled/c", None)
    broken(tmp_path / "bundled/d")
    found = library(tmp_path).folders()
    assert names(found) == ["b", "c", "d", "practice models: a"]
    assert [f.aside for f in found] == [False, False, False, True]


def test_a_run_that_only_began_is_known_by_the_catalogue(tmp_path: Path) -> None:
    asking(tmp_path / "bundled/a", None)
    with offering({"m0": FIRST}):
        assert names(library(tmp_path).folders()) == ["practice models: a"]


def test_practice_models_alone_open_the_page(tmp_path: Path) -> None:
    asking(tmp_path / "bundled/a", PLANTED)
    asking(tmp_path / "else/b", "")
    own = [Own(tmp_path / "else/b", "b")]
    assert [f.aside for f in library(tmp_path, own=lambda secret: own).folders("me")] == [False, False]


def test_a_visitors_run_of_practice_models_is_shown_with_the_real_ones(tmp_path: Path) -> None:
    asking(tmp_path / "bundled/a", "")
    asking(tmp_path / "else/b", PLANTED)
    own = [Own(tmp_path / "else/b", "b")]
    found = library(tmp_path, own=lambda secret: own).folders("me")
    assert [(f.name, f.aside) for f in found] == [("a", False), ("b", False)]


def test_of_the_bundled_runs_one_a_benchmark_opens_the_tab_and_the_others_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("moralsc.ui.library.BUNDLED", BUNDLED)  # browser tests have another for their whole session
    found = Library(Settings(cache=Path("unused"))).folders()
    assert {f.name for f in found if f.opens} == {"real-bbq", "real-winogender"} <= set(OPENING)
    assert "real-fixed-order" in {f.name for f in found}


def test_a_folder_of_ones_own_opens_with_all_its_runs(tmp_path: Path) -> None:
    for name in ("real-winogender", "another"):
        asking(tmp_path / "mine" / name, "")
    found = library(tmp_path, tmp_path / "mine").folders()
    assert [(f.name, f.opens) for f in found] == [("another", True), ("real-winogender", True)]


def test_the_bundled_runs_of_practice_models_are_known_as_such() -> None:
    found = Library(Settings(cache=Path("none")), BUNDLED).folders()
    assert {f.path.name for f in found if f.name.startswith("practice models: ")} >= {"bbq", "winogender"}


def test_a_visitors_own_runs_are_nobody_elses(tmp_path: Path) -> None:
    in_folder(tmp_path / "bundled/a", BOTH)
    in_folder(tmp_path / "else/b", BOTH)
    here = library(tmp_path, own=lambda secret: [Own(tmp_path / "else/b", "b")] if secret == "me" else [])
    assert here.open(here.folder("b", "me")).run.name == "b"
    for visitor in ("", "you"):
        assert names(here.folders(visitor)) == ["a"]
        with pytest.raises(InputError, match="no run 'b'"):
            here.folder("b", visitor)


def test_a_run_is_read_and_measured_once_however_many_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_folder(tmp_path / "bundled/a", BOTH)
    here, times, measure = library(tmp_path), list[object](), measuring.measured
    monkeypatch.setattr(measuring, "measured", lambda *a, **more: times.append(a) or measure(*a, **more))
    asking = [threading.Thread(target=lambda: here.open(*here.folders())) for _ in range(5)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert len(times) == 1
    assert here.ready(*here.folders())
    here.parts(here.folders())
    assert len(times) == 1
    assert [here.parts(here.folders(), "Age") for _ in range(2)]
    assert len(times) == 2


def test_an_unfinished_run_is_read_again_as_it_grows(tmp_path: Path) -> None:
    path, here = in_folder(tmp_path / "bundled/a", BOTH[:2], complete=False), library(tmp_path)
    (before,) = here.folders()
    assert here.open(before).run.incomplete == "incomplete: done 2 of 3"
    assert here.folders() == (before,)
    design = (run_folder.read_head(path) or {})["design"]
    with run_folder.opened(path, {"design": design, "rows": 3}) as held:
        held.write(1, BOTH[2:3])
    (after,) = here.folders()
    assert not here.ready(after)
    assert sum(map(len, here.open(after).run.results.values())) == 3


def broken(path: Path) -> None:
    path.mkdir(parents=True)
    (path / "run.json").write_text("{not json")


def test_a_broken_run_is_named_without_its_place_and_the_others_can_be_read(tmp_path: Path) -> None:
    broken(tmp_path / "bundled/bad")
    in_folder(tmp_path / "bundled/cut", BOTH)
    (tmp_path / "bundled/cut/records.parquet").write_bytes(b"PAR1 and no more")
    in_folder(tmp_path / "bundled/good", BOTH)
    here = library(tmp_path)
    bad, cut, good = here.folders()
    for folder in (bad, cut):
        with pytest.raises(RunError) as error:
            here.open(folder)
        assert str(error.value).startswith(folder.name)
        assert str(tmp_path) not in str(error.value)
    assert here.open(good).run.name == "good"


def test_what_filters_can_offer_is_what_the_run_holds(tmp_path: Path) -> None:
    rounds = bbq(["unknown"], "cot", round=1, mode="single-turn", category="SES", condition="disambiguated")
    in_folder(tmp_path / "bundled/a", by_item([*BOTH, *rounds, record(benchmark="winogender", category="occupation")]))
    held = library(tmp_path).open(*library(tmp_path).folders()).held
    assert [asked.model for asked in held.models] == ["real"]
    assert held.benchmarks == ("bbq", "winogender")
    assert held.categories == ("Age", "SES", "occupation")
    assert held.contexts == ("ambig", "disambig")
    assert held.corrections == ("specificity-0", "cot")
    assert held.modes == ("follow-up",)


def test_a_run_holds_only_the_contexts_that_were_asked(tmp_path: Path) -> None:
    in_folder(tmp_path / "bundled/a", BOTH)
    assert library(tmp_path).open(*library(tmp_path).folders()).held.contexts == ("ambig",)


def test_what_was_used_longest_ago_is_forgotten_and_errors_are_not_kept() -> None:
    kept: Kept[str, int] = Kept(10, lambda value: value)
    made = list[str]()

    def make(key: str, value: int) -> int:
        return kept.get(key, lambda: made.append(key) or value)

    for key in ("a", "b", "a", "c", "a"):
        make(key, 4)
    assert made == ["a", "b", "c"]
    assert [key in kept for key in "abc"] == [True, False, True]
    make("large", 100)
    assert "large" in kept
    assert not any(key in kept for key in "abc")
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            kept.get("wrong", lambda: 1 // 0)
    assert kept.get("wrong", lambda: 3) == 3
