"""Models from files of one's own: a folder, a GGUF file, and where neither is taken."""

import json
import math
import shutil
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from catalogues import offering
from engines.tiny_models import chat_tokenizer, tiny
from gguf_files import BYTES, make_gguf, shapes
from typer.testing import CliRunner, Result

from moralsc import cli
from moralsc.answers import ScoredBy
from moralsc.engines.pool import load_local, pool_for
from moralsc.errors import InputError, ModelError
from moralsc.models import Precision, Quantisation, Stage, Template, catalogue
from moralsc.models.axes import sizes
from moralsc.models.files import licence, safetensors_facts
from moralsc.models.gguf import read_gguf
from moralsc.models.local import admit, local_spec, opened
from moralsc.models.offer import offered
from moralsc.settings import Settings

OPEN = Settings(cache=Path("unused"))
PUBLIC = Settings.from_env({"SPACE_ID": "somebody/space"})


@pytest.fixture(autouse=True)
def own_catalogue() -> Iterator[None]:
    """What a test admits is gone after it."""
    with offering(dict(catalogue())):
        yield


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made, tokenizer = tmp_path_factory.mktemp("models") / "mine", chat_tokenizer()
    tiny("llama", tokenizer).save_pretrained(made)
    tokenizer.save_pretrained(made)
    return made


@pytest.fixture(scope="session")
def gguf_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_gguf(tmp_path_factory.mktemp("gguf") / "mine.gguf")


GGUF_NUMBERS = sum(math.prod(shape) for shape in shapes(len(BYTES)).values())


def ask(model: Path | str) -> Result:
    given = ("ask", "--benchmark", "winogender:bundled", "--item", "b-nurse.sailor.0", "--json")
    return CliRunner().invoke(cli.app, (*given, "--model", str(model)))


def test_a_folder_is_described_by_its_files(folder: Path) -> None:
    spec = local_spec(str(folder))
    assert (spec.name, spec.title, spec.path) == (str(folder), "mine", str(folder))
    assert (spec.stage, spec.scored_by, spec.dtype) == (Stage.UNKNOWN, ScoredBy.TEXT, Precision.FLOAT32)
    assert (spec.template, spec.context, spec.licence, spec.bundled) == (Template.CHAT, 512, "", False)
    assert spec.parameters == sum(p.numel() for p in tiny("llama", chat_tokenizer()).parameters())


def test_a_folder_is_asked_in_a_terminal_and_says_which_weights_these_are(folder: Path) -> None:
    result = ask(folder)
    assert result.exit_code == 0, result.stderr
    record = json.loads(result.stdout)
    assert record["model"] == str(folder)
    assert record["mark"] == ""
    assert record["provenance"]["weights"].startswith("sha256:")


def test_loading_draws_no_bars_of_libraries(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from transformers.utils import logging

    logging.enable_progress_bar()  # type: ignore[no-untyped-call]
    admit([str(folder)], OPEN)
    load_local(str(folder))
    assert capfd.readouterr().err == ""


def test_a_gguf_file_is_asked_too(gguf_file: Path) -> None:
    spec = local_spec(str(gguf_file))
    assert (spec.quantisation, spec.gguf_file, spec.parameters) == (Quantisation.GGUF, "mine.gguf", GGUF_NUMBERS)
    assert (spec.context, spec.template) == (1024, Template.PLAIN)
    admit([str(gguf_file)], OPEN)
    engine = load_local(str(gguf_file))
    assert engine.provenance["quantisation"] == "gguf unstated, unpacked"
    asked = ask(gguf_file)
    assert asked.exit_code == 0, asked.stderr


def test_on_a_public_space_only_models_of_the_catalogue_are_taken(folder: Path) -> None:
    assert PUBLIC.only_catalogue
    with pytest.raises(InputError, match="only models of the catalogue"):
        admit([str(folder)], PUBLIC)
    assert str(folder) not in catalogue()
    admit([next(iter(catalogue()))], PUBLIC)


def test_a_page_knows_a_path_by_its_last_part_alone(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / folder.name
    shutil.copytree(folder, other)
    settings = replace(OPEN, open_with=(str(folder), str(other), str(folder)))
    names = opened(settings)
    assert names == ("mine", "mine-2")
    assert opened(settings) == names, "as often as it is asked"
    specs = [catalogue()[name] for name in names]
    assert [(spec.title, spec.family, spec.path) for spec in specs] == [
        ("mine", "mine", str(folder)),
        ("mine-2", "mine-2", str(other)),
    ]
    assert len(sizes(offered(settings))["mine " + specs[0].size].models) == 1


def test_a_run_of_the_page_finds_the_model_by_its_short_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in replace(OPEN, open_with=(str(folder),)).environ().items():
        monkeypatch.setenv(name, value)
    result = ask("mine")
    assert result.exit_code == 0, result.stderr
    record = json.loads(result.stdout)
    assert record["model"] == "mine"
    assert record["provenance"]["weights"].startswith("sha256:")
    assert str(folder) not in result.stdout


def test_a_model_that_breaks_tells_its_name_and_not_its_place(folder: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    (broken / "config.json").write_text('{"model_type": "nothing-known"}')
    pool = pool_for(replace(OPEN, open_with=(str(broken),)))
    with pytest.raises(ModelError, match="broken") as error:
        pool.get("broken")
    assert str(tmp_path) not in str(error.value)


def test_a_name_is_no_path_and_a_path_no_name(tmp_path: Path) -> None:
    before = list(catalogue())
    admit(["no-such-model", *before], OPEN)
    assert list(catalogue()) == before
    with pytest.raises(InputError, match="no folder and no .gguf file"):
        admit([str(tmp_path / "nowhere")], OPEN)
    with pytest.raises(InputError, match="holds no model"):
        admit([str(tmp_path)], OPEN)


def test_a_damaged_file_is_a_sentence(tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    for unit in (0, "thirty-two"):
        make_gguf(broken, keys={"general.alignment": unit})
        with pytest.raises(ModelError, match=r"broken\.gguf is no GGUF file"):
            read_gguf(broken)
    for data in (b"", b"GGUF", b"GGUF" + struct.pack("<IQQ", 3, 1, 1), b"another thing that is long enough"):
        broken.write_bytes(data)
        with pytest.raises(ModelError, match="broken.gguf is no GGUF file"):
            read_gguf(broken)
    for data in (b"", struct.pack("<Q", 2**60), struct.pack("<Q", 4) + b"[[[["):
        (tmp_path / "model.safetensors").write_bytes(data)
        with pytest.raises(ModelError, match="model.safetensors .* damaged"):
            safetensors_facts(tmp_path)


@pytest.mark.parametrize(
    ("card", "named"),
    [
        ("---\nlicense: apache-2.0\n---\n# x", "apache-2.0"),
        ("---\ntags: [x]\nlicense: 'llama3.2'\n---\n", "llama3.2"),
        ("# no front matter\nlicense: mit\n", ""),
        ("---\nlanguage: en\n---\nlicense: mit\n", ""),
    ],
)
def test_the_licence_is_that_of_the_cards_front_matter(card: str, named: str, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(card)
    assert licence(tmp_path) == named
