"""Models of the hub, by its real client from a stand-in on loopback: what comes, and each failure's sentence."""

import errno
import json
import os
import shutil
import socket
import subprocess
import sys
from collections import namedtuple
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import stand_in_hub
from catalogues import HUB, offering
from engines.tiny_models import chat_tokenizer, tiny
from huggingface_hub import constants
from stand_in_hub import COMMIT, LATER, Hub, Repository
from typer.testing import CliRunner

from moralsc import cli
from moralsc.answers import ScoredBy
from moralsc.engines import fit
from moralsc.engines.fit import DoesNotFitError, Machine
from moralsc.engines.pool import EnginePool, load_local
from moralsc.errors import ModelError
from moralsc.models import ModelSpec, Precision, Stage, Template, hub

REPO = "somebody/tiny"
SPEC = ModelSpec(
    name="tiny",
    title="Tiny",
    parameters=0,
    stage=Stage.BASE,
    scored_by=ScoredBy.TEXT,
    nature="For tests.",
    repo=REPO,
    revision=COMMIT,
    family="Tiny",
)
UNPINNED = replace(SPEC, revision="", unpinned="Nobody looked.")
CARD = b"---\nlicense: mit\ntags:\n- x\n---\n# Tiny\n"


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A tiny model's files, and others that repositories hold beside them."""
    folder, tokenizer = tmp_path_factory.mktemp("tiny"), chat_tokenizer()
    tiny("llama", tokenizer).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    return {
        **found,
        "README.md": CARD,
        "pytorch_model.bin": b"a pickle" * 2000,
        "modeling_tiny.py": b"raise SystemExit",
        "onnx/model.onnx": b"another program's",
        "original/model.safetensors": b"another program's",
        "consolidated.safetensors": b"another program's",
    }


@pytest.fixture
def server(files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The stand-in with the tiny model, which is now the hub of the real client, and an empty cache."""
    with stand_in_hub.served({REPO: Repository(dict(files))}) as running:
        use(running.url, monkeypatch)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
        yield running


def use(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr("huggingface_hub.hf_api.constants.ENDPOINT", url)
    monkeypatch.setattr(huggingface_hub.file_download, "HUGGINGFACE_CO_URL_TEMPLATE", url, raising=False)


def refused(spec: ModelSpec = SPEC, **how: Any) -> str:
    """The one sentence with which a model cannot be had."""
    with pytest.raises(ModelError) as raised:
        hub.fetch(spec, **how)
    said = str(raised.value)
    assert said.startswith("Tiny ")
    assert "\n" not in said
    return said


# What comes


def test_a_model_comes_with_its_card_and_without_pickles_code_or_copies_for_other_programs(
    server: Hub, files: dict[str, bytes]
) -> None:
    folder = hub.fetch(SPEC).folder
    assert folder.name == COMMIT
    here = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    foreign = {"pytorch_model.bin", "modeling_tiny.py", "onnx/model.onnx", "consolidated.safetensors"}
    assert here == {name: data for name, data in files.items() if name not in foreign and "/" not in name}
    assert server.downloads == sorted(here)


def test_what_was_downloaded_needs_no_question_to_the_hub(server: Hub) -> None:
    first = hub.fetch(SPEC)
    server.asked.clear()
    assert hub.fetch(SPEC) == first
    assert hub.fetch(SPEC, offline=True) == first
    assert server.asked == []


def test_how_far_a_download_is_is_told_in_bytes_up_to_the_end(server: Hub) -> None:
    told: list[tuple[str, int, int]] = []
    folder = hub.fetch(SPEC, progress=lambda *said: told.append(said)).folder
    size = sum(path.stat().st_size for path in folder.iterdir())
    assert {(name, total) for name, _, total in told} == {("tiny", size)}
    done = [bytes_ for _, bytes_, _ in told]
    assert done == sorted(done)
    assert done[-1] == size
    assert len(set(done)) > 2


def test_a_download_that_breaks_off_goes_on_from_there(
    server: Hub, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1000)
    server.breaks = 1
    folder = hub.fetch(SPEC).folder
    assert server.ranges
    assert (folder / "model.safetensors").read_bytes() == files["model.safetensors"]


def test_what_the_catalogue_leaves_open_is_filled_from_the_files(server: Hub) -> None:
    found = hub.fetch(SPEC).spec
    assert found.parameters > 1000
    assert (found.dtype, found.context, found.licence, found.template) == (
        Precision.FLOAT32,
        512,
        "mit",
        Template.CHAT,
    )
    assert hub.fetch(SPEC, offline=True).spec == found


def test_a_commit_that_nobody_looked_up_is_settled_by_the_first_download(server: Hub) -> None:
    assert hub.settled(UNPINNED) == ""
    assert hub.fetch(UNPINNED).spec.revision == COMMIT
    assert hub.settled(UNPINNED) == COMMIT
    server.repositories[REPO].commit, server.repositories[REPO].older = LATER, (COMMIT,)
    assert hub.fetch(UNPINNED).spec.revision == COMMIT
    assert hub.fetch(UNPINNED, offline=True).spec.revision == COMMIT
    assert hub.settled(SPEC) == COMMIT


def test_a_part_of_a_model_is_not_taken_for_the_whole(server: Hub) -> None:
    folder = hub.fetch(SPEC).folder
    (folder / "model.safetensors").unlink()
    assert hub.cached(SPEC) is None
    assert (hub.fetch(SPEC).folder / "model.safetensors").is_file()


# What does not


def test_a_gated_model_names_the_page_where_its_licence_is_accepted(server: Hub) -> None:
    server.repositories[REPO].gated = True
    said = refused()
    assert f"Accept its licence at {server.url}/{REPO}" in said
    assert "hf auth login" in said


def test_a_repository_that_is_not_there_is_named(server: Hub) -> None:
    assert "no repository somebody/gone" in refused(replace(SPEC, repo="somebody/gone"))
    assert "no repository somebody/gone" in refused(replace(UNPINNED, repo="somebody/gone"))


def test_a_revision_that_is_not_there_is_named(server: Hub) -> None:
    assert f"no revision {LATER}" in refused(replace(SPEC, revision=LATER))


def test_a_hub_that_is_down_is_told_from_a_network_that_is(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    server.down = True
    assert "503" in refused()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
    use(nobody, monkeypatch)
    assert f"{nobody} cannot be reached" in refused()


def test_what_is_here_is_used_while_the_hub_is_down(server: Hub) -> None:
    first, second = hub.fetch(SPEC), hub.fetch(UNPINNED)
    server.down = True
    assert (hub.fetch(SPEC), hub.fetch(UNPINNED)) == (first, second)


def test_offline_the_sentence_names_the_variable_and_nobody_is_asked(
    server: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "MORALSC_OFFLINE" in refused(offline=True)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE" in refused()
    assert server.asked == []


def test_a_model_without_safetensors_is_refused_before_anything_comes(server: Hub) -> None:
    for name in ("model.safetensors", "consolidated.safetensors"):
        del server.repositories[REPO].files[name]
    assert "no .safetensors file" in refused()
    assert server.downloads == []


def test_a_gguf_file_that_the_repository_lacks_is_named(server: Hub) -> None:
    assert "no file tiny.gguf" in refused(replace(SPEC, gguf_file="tiny.gguf"))


def test_too_small_a_disk_is_said_with_both_numbers_before_anything_comes(
    server: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 0, 10**9 + 5000))
    said = refused()
    assert "a download of 0 MB" in said
    assert "has room for 0 MB" in said
    assert "HF_HOME" in said
    assert server.downloads == []


def test_a_disk_that_fills_up_meanwhile_is_a_sentence(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **how: object) -> str:
        if how.get("local_files_only"):
            raise huggingface_hub.errors.LocalEntryNotFoundError("not here")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", full)
    assert "is full" in refused()


def test_a_model_that_does_not_fit_is_refused_with_the_numbers_before_anything_comes(
    server: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.repositories[REPO].parameters = 70_000_000_000
    small = Machine("cpu", "this machine's memory", 6 * 10**9, 8 * 10**9, 6 * 10**9, 8 * 10**9)
    said = []
    with pytest.raises(DoesNotFitError) as raised:
        hub.fetch(SPEC, admit=lambda found: said.append(found) or fit.place(found, small))
    assert "168.0 GB" in str(raised.value)
    assert "6.0 GB free of 8.0 GB" in str(raised.value)
    assert said[0].dtype is Precision.BFLOAT16
    assert server.downloads == []


# As it is used


def test_an_engine_is_loaded_from_the_hub_and_says_of_which_commit(server: Hub) -> None:
    with offering({"tiny": UNPINNED}):
        pool = EnginePool(load_local)
        engine = pool.get("tiny")
        assert engine.provenance["weights"] == f"{REPO}@{COMMIT}"
        assert engine.spec.revision == COMMIT
        assert engine.spec.context == 512
        assert engine.memory > 1000  # type: ignore[attr-defined]
        server.repositories.clear()
        assert pool.get("tiny") is engine


CHILD = f"""
from moralsc.answers import ScoredBy
from moralsc.models import ModelSpec, Stage, add
add(ModelSpec("tiny", "Tiny", 0, Stage.BASE, ScoredBy.TEXT, "For tests.", repo={REPO!r}, unpinned="Nobody looked."))
from moralsc.cli import main
main()
"""
ASK = ("ask", "--model", "tiny", "--benchmark", "winogender:bundled", "--item", "b-nurse.sailor.0", "--json")


def test_the_list_says_what_is_here_and_which_commit_was_settled(server: Hub) -> None:
    def row() -> dict[str, str]:
        result = CliRunner().invoke(cli.app, ["models", "--model", "tiny", "--json"])
        assert result.exit_code == 0, result.stderr
        (found,) = json.loads(result.stdout)
        return dict(found)

    with offering({"tiny": UNPINNED}):
        before = row()
        assert (before["from"], before["licence"]) == (f"{REPO}, commit not settled yet", "see the hub")
        hub.fetch(UNPINNED)
        after = row()
        assert (after["from"], after["licence"], after["download"]) == (f"{REPO} at {COMMIT[:12]}", "mit", "here")


@pytest.mark.slow
def test_a_terminal_downloads_asks_and_asks_again_without_the_hub(files: dict[str, bytes], tmp_path: Path) -> None:
    def child(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
        told = {"HF_ENDPOINT": running.url, "HF_HOME": str(tmp_path), "HF_HUB_DISABLE_XET": "1", "OMP_NUM_THREADS": "1"}
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "MORALSC_"))}
        return subprocess.run(
            [sys.executable, "-c", CHILD, *words], capture_output=True, text=True, env={**clean, **told, **env}
        )

    with stand_in_hub.served({REPO: Repository(dict(files))}) as running:
        first = child(*ASK)
        assert first.returncode == 0, first.stderr
        assert json.loads(first.stdout)["provenance"]["weights"] == f"{REPO}@{COMMIT}"
        assert "model.safetensors" in running.downloads
        running.down = True
        again = child(*ASK, MORALSC_OFFLINE="1")
        assert again.returncode == 0, again.stderr
        gone = child(*ASK, HF_HOME=str(tmp_path / "empty"))
        loading, sentence = gone.stderr.splitlines()
        assert gone.returncode == 2
        assert loading.startswith("Loading ")
        assert "503" in sentence


def test_a_model_of_the_catalogue_that_nobody_can_have_is_a_sentence(server: Hub) -> None:
    with offering({HUB.name: HUB}), pytest.raises(ModelError, match="no repository somebody/solo"):
        EnginePool(load_local).get(HUB.name)
