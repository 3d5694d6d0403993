"""Settings from the environment: what is taken, and the sentence for what is not allowed."""

from pathlib import Path

import pytest

from moralsc.errors import InputError
from moralsc.settings import Settings


def test_an_empty_environment_gives_a_whole_set() -> None:
    settings = Settings.from_env({})
    assert settings.cache.name == "moralsc"
    assert settings.cache.is_absolute()
    assert (settings.data, settings.prompts, settings.offline) == (None, None, False)
    assert (settings.host, settings.port, settings.space_id) == ("127.0.0.1", 7860, "")
    assert settings.mirror.startswith("https://")


def test_every_variable_is_read(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("")
    env = {
        "MORALSC_DATA": str(tmp_path),
        "MORALSC_RESULTS": str(tmp_path),
        "MORALSC_CACHE": str(tmp_path / "later"),
        "MORALSC_PROMPTS": str(tmp_path / "mine.toml"),
        "MORALSC_OFFLINE": "Yes",
        "MORALSC_MIRROR": "http://localhost:9/files/",
        "MORALSC_QUEUE": "5",
        "MORALSC_RUNS": "2",
        "MORALSC_RUN_ITEMS": "30",
        "MORALSC_RUN_DAYS": "4",
        "MORALSC_BRING_MB": "9",
        "MORALSC_MEMORY": "12",
        "MORALSC_ONLY_CATALOGUE": "no",
        "MORALSC_MODELS": "gpt2, gpt2-xl",
        "MORALSC_OPEN_WITH": "models/mine, gpt2",
        "SPACES_ZERO_GPU": "true",
        "HOST": "::1",
        "PORT": "0",
        "SPACE_ID": "someone/something",
    }
    assert Settings.from_env(env) == Settings(
        cache=tmp_path / "later",
        data=tmp_path,
        results=tmp_path,
        prompts=tmp_path / "mine.toml",
        offline=True,
        mirror="http://localhost:9/files",
        queue=5,
        runs=2,
        run_items=30,
        run_days=4,
        bring_mb=9,
        memory=12,
        models=("gpt2", "gpt2-xl"),
        open_with=("models/mine", "gpt2"),
        zero_gpu=True,
        host="::1",
        port=0,
        space_id="someone/something",
    )
    assert not (tmp_path / "later").exists()


def test_empty_variables_count_as_not_set() -> None:
    names = ("MORALSC_DATA", "MORALSC_CACHE", "MORALSC_PROMPTS", "MORALSC_OFFLINE", "MORALSC_MIRROR", "HOST", "PORT")
    assert Settings.from_env(dict.fromkeys(names, " ")) == Settings.from_env({})


def test_a_space_listens_to_the_outside() -> None:
    assert Settings.from_env({"SPACE_ID": "a/b"}).host == "0.0.0.0"


def test_a_home_folder_is_understood() -> None:
    assert Settings.from_env({"MORALSC_CACHE": "~/kept"}).cache == Path.home() / "kept"


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("PORT", "65536", "a whole number from 0 to 65535"),
        ("PORT", "-1", "a whole number"),
        ("PORT", "80a", "a whole number"),
        ("PORT", "²", "a whole number"),
        ("PORT", "9" * 5000, "a whole number"),
        ("MORALSC_QUEUE", "0", "from 1 to 1000"),
        ("MORALSC_BRING_MB", "-1", "from 0 to 10000"),
        ("MORALSC_OFFLINE", "maybe", "Allowed: 1, true, yes, on, 0, false, no, off"),
        ("MORALSC_DATA", "/no/such/folder", "Give the path of a folder"),
        ("MORALSC_RESULTS", "/no/such/folder", "Give the path of a folder"),
        ("MORALSC_PROMPTS", "/no/such/file.toml", "Give the path of a file"),
        ("MORALSC_MIRROR", "ftp://x", "https:// or http://"),
    ],
)
def test_what_is_not_allowed_is_said_with_name_value_and_what_is(name: str, value: str, allowed: str) -> None:
    with pytest.raises(InputError) as error:
        Settings.from_env({name: value})
    assert f"{name} is {value!r}" in str(error.value)
    assert allowed in str(error.value)


def test_a_space_limits_the_runs_of_its_visitors_and_a_laptop_does_not() -> None:
    here, there = Settings.from_env({}), Settings.from_env({"SPACE_ID": "a/b"})
    assert (here.run_items, here.run_days) == (0, 0)
    assert there.run_items > 0
    assert there.run_days > 0
    assert 0 < there.bring_mb < here.bring_mb


def test_a_child_process_reads_the_same_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MORALSC_DATA", "elsewhere")
    monkeypatch.setenv("MORALSC_OFFLINE", "0")
    for mine in (
        Settings(cache=tmp_path / "cache", data=tmp_path, offline=True, mirror="http://localhost:9/files"),
        Settings(cache=tmp_path / "other"),
    ):
        assert Settings.from_env(mine.environ()) == mine


def test_a_space_takes_no_path_for_a_model_unless_it_is_told_to() -> None:
    assert Settings.from_env({"SPACE_ID": "a/b"}).only_catalogue
    assert not Settings.from_env({"SPACE_ID": "a/b", "MORALSC_ONLY_CATALOGUE": "0"}).only_catalogue
    assert not Settings.from_env({}).only_catalogue
    assert Settings.from_env({"SPACE_ID": "a/b"}).environ()["MORALSC_ONLY_CATALOGUE"] == "1"
