"""Weights that come in Python packages, and the cache of what is unpacked: whole or not at all, verified once."""

import errno
import hashlib
import os
import shutil
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from moralsc import cli
from moralsc.answers import ScoredBy
from moralsc.engines.store import FOLDER, Store, clear
from moralsc.errors import ModelError
from moralsc.models import ModelSpec, Quantisation, Stage, find, packages, stamps
from moralsc.settings import Settings

PARTS = (b"the first part, ", b"the second, ", b"and the last")
WHOLE = b"".join(PARTS)


def spec(*parts: str, content: bytes = WHOLE, version: str = "1.0") -> ModelSpec:
    """A model whose file comes in these packages, one a part."""
    return ModelSpec(
        name="packed",
        title="Packed",
        parameters=1,
        stage=Stage.BASE,
        scored_by=ScoredBy.TEXT,
        nature="For tests.",
        package=tuple(f"{part}=={version}" for part in parts),
        files=tuple(f"{part.replace('-', '_')}/data/weights.gguf" for part in parts),
        file_size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        quantisation=Quantisation.GGUF,
        gguf_file="weights.gguf",
    )


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, bytes], Path]:
    """Makes a package as pip leaves it: importing it would be an error."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)

    def make(name: str, content: bytes, version: str = "1.0") -> Path:
        package = folder / name.replace("-", "_")
        (package / "data").mkdir(parents=True)
        (package / "__init__.py").write_text("raise RuntimeError('nobody imports this')")
        (package / "data" / "weights.gguf").write_bytes(content)
        facts = folder / f"{package.name}-{version}.dist-info"
        facts.mkdir()
        (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        return package / "data" / "weights.gguf"

    return make


def test_a_file_is_found_in_its_package_and_never_imported(site: Any, tmp_path: Path) -> None:
    place = site("one-file", WHOLE)
    assert packages.installed(spec("one-file"))
    assert packages.locate(spec("one-file"), tmp_path / "cache") == place
    assert "one_file" not in sys.modules


def test_parts_are_joined_in_their_order(site: Any, tmp_path: Path) -> None:
    for number, part in enumerate(PARTS):
        site(f"part-{number}", part)
    model = spec("part-0", "part-1", "part-2")
    joined = packages.locate(model, tmp_path / "cache")
    assert joined.read_bytes() == WHOLE
    assert packages.locate(model, tmp_path / "cache") == joined
    assert [f.name for f in joined.parent.iterdir()] == ["weights.gguf"], "nothing half joined stays"


def test_a_large_file_is_read_for_its_sum_once_and_again_when_it_changes(
    site: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stamps, "_WORTH", len(WHOLE))
    place = site("one-file", WHOLE)
    packages.locate(spec("one-file"), tmp_path)
    before = place.stat()
    place.write_bytes(WHOLE[::-1])
    os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert packages.locate(spec("one-file"), tmp_path) == place, "its stamp still fits, so nobody read it"
    os.utime(place, (1, 1))
    with pytest.raises(ModelError, match="is not the file that the catalogue names"):
        packages.locate(spec("one-file"), tmp_path)


def test_an_absent_package_and_another_version_are_told_with_what_helps(site: Any, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"the package is missing \(not-here\): `moralsc models get packed`"):
        packages.locate(spec("not-here"), tmp_path)
    site("part-0", PARTS[0])
    with pytest.raises(ModelError, match=r"1 of its 2 packages is missing \(part-1\)"):
        packages.locate(spec("part-0", "part-1"), tmp_path)
    with pytest.raises(ModelError, match=r"pinned to part-0 2\.0, but 1\.0 is installed"):
        packages.locate(spec("part-0", version="2.0"), tmp_path)
    assert not packages.installed(spec("part-0", version="2.0"))


def test_half_a_part_is_told_and_nothing_is_joined(site: Any, tmp_path: Path) -> None:
    site("part-0", PARTS[0])
    lost = site("part-1", PARTS[1])
    with pytest.raises(
        ModelError, match=rf"have {len(PARTS[0] + PARTS[1])} bytes together, but {len(WHOLE)} are wanted.*--again"
    ):
        packages.locate(spec("part-0", "part-1"), tmp_path / "cache")
    lost.unlink()
    with pytest.raises(ModelError, match=r"not whole: weights\.gguf is missing in its package"):
        packages.locate(spec("part-0", "part-1"), tmp_path / "cache")
    assert not (tmp_path / "cache" / "joined").exists()


def test_damaged_parts_of_the_right_size_are_refused_and_removed(site: Any, tmp_path: Path) -> None:
    site("part-0", PARTS[0])
    site("part-1", b"x" * len(WHOLE[len(PARTS[0]) :]))
    with pytest.raises(ModelError, match="its SHA-256 begins"):
        packages.locate(spec("part-0", "part-1"), tmp_path / "cache")
    assert not list((tmp_path / "cache" / "joined").rglob("weights*"))


def test_a_joined_file_that_was_damaged_since_is_joined_anew(site: Any, tmp_path: Path) -> None:
    site("part-0", PARTS[0])
    site("part-1", WHOLE[len(PARTS[0]) :])
    joined = packages.locate(spec("part-0", "part-1"), tmp_path / "cache")
    joined.write_bytes(b"x" * len(WHOLE))
    assert packages.locate(spec("part-0", "part-1"), tmp_path / "cache").read_bytes() == WHOLE


def test_two_that_ask_at_once_join_one_after_the_other(
    site: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site("part-0", PARTS[0])
    site("part-1", WHOLE[len(PARTS[0]) :])
    join, joins = packages._join, list[int]()

    def slowly(*given: Any) -> None:
        joins.append(1)
        time.sleep(0.05)
        join(*given)

    monkeypatch.setattr(packages, "_join", slowly)
    with ThreadPoolExecutor() as pool:
        places = list(pool.map(lambda _: packages.locate(spec("part-0", "part-1"), tmp_path / "cache"), range(4)))
    assert [place.read_bytes() for place in places] == [WHOLE] * 4
    assert len(joins) == 1


def full(*_: object) -> Any:
    return SimpleNamespace(free=0, total=0, used=0)


def test_a_full_disk_is_told_before_anything_is_joined(
    site: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site("part-0", PARTS[0])
    site("part-1", WHOLE[len(PARTS[0]) :])
    monkeypatch.setattr(shutil, "disk_usage", full)
    with pytest.raises(ModelError, match="the disk has room for"):
        packages.locate(spec("part-0", "part-1"), tmp_path / "cache")


def test_the_page_installs_on_ones_own_machine_alone(tmp_path: Path) -> None:
    own = Settings(cache=tmp_path)
    assert packages.offers_install(spec("not-here"), own)
    for settings in ({"SPACE_ID": "a/b"}, {"MORALSC_OFFLINE": "1"}, {"MORALSC_ONLY_CATALOGUE": "1"}):
        assert not packages.offers_install(spec("not-here"), Settings.from_env(settings))
    assert not packages.offers_install(find("mini-s-base"), own)


def test_nothing_is_installed_before_terms_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "installed", lambda spec: False)
    monkeypatch.setattr(packages, "install", lambda *_: pytest.fail("it was installed"))
    told = CliRunner().invoke(cli.app, ["models", "get", "gemma-3-270m"], input="n\n")
    assert told.exit_code == 2
    assert find("gemma-3-270m").terms in told.stdout
    assert "Nothing was installed" in told.stderr


# The cache of what is unpacked ----------------------------------------------------------------------------------------


def writes(size: int) -> Callable[[Path], None]:
    return lambda folder: (folder / "model.safetensors").write_bytes(b"x" * size) and None


def kept(cache: Path) -> list[str]:
    return sorted(f.name for f in (cache / FOLDER).iterdir() if f.is_dir())


def test_what_was_unpacked_is_not_written_again(tmp_path: Path) -> None:
    store = Store(tmp_path, 100)
    with store.unpacked("a", 10, writes(10)) as folder:
        assert (folder / "model.safetensors").stat().st_size == 10
    with store.unpacked("a", 10, lambda folder: pytest.fail("written again")) as again:
        assert again == folder


def test_what_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    def breaks(folder: Path) -> None:
        writes(10)(folder)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Store(tmp_path, 100).unpacked("a", 10, breaks):
        pass
    assert kept(tmp_path) == []


def test_a_full_disk_is_a_sentence_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fills(folder: Path) -> None:
        writes(10)(folder)
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ModelError, match="the disk has room for"), Store(tmp_path, 100).unpacked("a", 10, fills):
        pass
    monkeypatch.setattr(shutil, "disk_usage", full)
    with pytest.raises(ModelError, match="set MORALSC_CACHE"), Store(tmp_path, 100).unpacked("b", 10, writes(10)):
        pass
    assert kept(tmp_path) == []


def test_those_that_were_not_used_for_longest_make_room(tmp_path: Path) -> None:
    store = Store(tmp_path, 25)
    for age, key in ((30, "a"), (20, "b")):
        with store.unpacked(key, 10, writes(10)) as folder:
            pass
        os.utime(folder, (age, age) if key == "b" else (10, 10))
    with store.unpacked("a", 10, writes(10)):  # used again, so that b is the older one
        pass
    with store.unpacked("c", 10, writes(10)):
        pass
    assert kept(tmp_path) == ["a", "c"]


def test_what_is_larger_than_the_bound_is_not_kept(tmp_path: Path) -> None:
    with Store(tmp_path, 5).unpacked("a", 10, writes(10)) as folder:
        assert folder.is_dir()
    assert kept(tmp_path) == []


def test_nobody_removes_what_another_reads(tmp_path: Path) -> None:
    store, order = Store(tmp_path, 5), list[str]()

    def other() -> None:
        with store.unpacked("b", 10, writes(10)):
            order.append("the other is in")

    with ThreadPoolExecutor(1) as pool:
        with store.unpacked("a", 10, writes(10)) as folder:
            waiting = pool.submit(other)
            with pytest.raises(TimeoutError):
                waiting.result(0.1)
            assert (folder / "model.safetensors").is_file()
            order.append("the first is out")
        waiting.result()
    assert order == ["the first is out", "the other is in"]


def test_a_removal_that_breaks_off_leaves_nothing_that_looks_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store(tmp_path, 10).unpacked("a", 10, writes(10)):
        pass
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", lambda *_, **__: None)  # the process ended before a file was removed
        with Store(tmp_path, 10).unpacked("b", 10, writes(10)):
            pass
    assert "a" not in kept(tmp_path)


def test_what_a_dead_process_left_half_written_is_removed(tmp_path: Path) -> None:
    (tmp_path / FOLDER / ".half-dead").mkdir(parents=True)
    with Store(tmp_path, 100).unpacked("a", 10, writes(10)):
        pass
    assert kept(tmp_path) == ["a"]


def test_models_clear_removes_all_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MORALSC_CACHE", str(tmp_path))
    with Store(tmp_path, 100).unpacked("a", 10, writes(10)):
        pass
    told = CliRunner().invoke(cli.app, ["models", "clear"])
    assert told.exit_code == 0
    assert told.stdout.startswith("Removed")
    assert not (tmp_path / FOLDER).exists()
    assert clear(tmp_path) == 0
