"""Runs that visitors brought: each is found by its visitor alone, nothing half-made stays, and old ones go."""

import os
import time
from pathlib import Path

import pytest

from moralsc.errors import DataError, InputError
from moralsc.hosting.brought import LABEL, MOST, Brought
from moralsc.settings import Settings

ME, YOU = "m" * 64, "y" * 64


def brought(tmp_path: Path, **settings: int) -> Brought:
    return Brought(tmp_path / "brought", Settings(cache=tmp_path, **settings))  # type: ignore[arg-type]


def fill(into: Path) -> tuple[str, ...]:
    into.mkdir()
    (into / "run.json").write_text("{}")
    return ("half of it",)


def test_a_run_is_its_visitors_alone_and_the_secret_is_nowhere_on_disk(tmp_path: Path) -> None:
    here = brought(tmp_path)
    made = here.take(ME, "mine", fill)
    assert [(r.label.name, r.label.notes, r.run) for r in here.runs(ME)] == [("mine", ("half of it",), made.run)]
    assert brought(tmp_path).runs(ME) == [made], "a restarted server finds it"
    assert here.runs(YOU) == []
    with pytest.raises(InputError, match="no such run"):
        here.remove(made.id, YOU)
    assert not any(ME in path.read_text() for path in tmp_path.rglob("*") if path.is_file())


@pytest.mark.parametrize("id", ["", "..", "../..", "."])
def test_only_a_run_of_the_list_is_removed(tmp_path: Path, id: str) -> None:
    here = brought(tmp_path)
    made = here.take(ME, "mine", fill)
    with pytest.raises(InputError, match="no such run"):
        here.remove(id, ME)
    here.remove(made.id, ME)
    assert here.runs(ME) == []
    assert not made.path.exists()


def test_what_cannot_be_taken_leaves_nothing(tmp_path: Path) -> None:
    here = brought(tmp_path)

    def broken(into: Path) -> tuple[str, ...]:
        fill(into)
        raise DataError("No run.")

    with pytest.raises(DataError):
        here.take(ME, "mine", broken)
    assert list((tmp_path / "brought").iterdir()) == []


def test_a_visitor_has_no_more_than_allowed(tmp_path: Path) -> None:
    here = brought(tmp_path)
    for _ in range(MOST):
        here.take(ME, "mine", fill)
    with pytest.raises(InputError, match=f"{MOST} runs"):
        here.take(ME, "mine", fill)
    assert here.take(YOU, "other", fill)


def test_what_is_older_than_allowed_goes_and_what_is_half_made_after_a_while(tmp_path: Path) -> None:
    here = brought(tmp_path, run_days=2)
    old, new = here.take(ME, "old", fill), here.take(ME, "new", fill)
    label = old.path / LABEL
    label.write_text(label.read_text().replace(f"{old.label.created}", f"{time.time() - 3 * 86_400}"))
    half = [tmp_path / "brought" / name for name in ("lost", "busy")]
    for path in half:
        path.mkdir()
    os.utime(half[0], (0, 0))
    brought(tmp_path).prune()
    assert [path.exists() for path in half] == [False, True]
    assert [r.label.name for r in here.runs(ME)] == ["new", "old"], "for ever, unless days are set"
    here.prune()
    assert here.runs(ME) == [new]
