"""Where files are found, whether they are verified, and what is said of files that cannot be read."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from moralsc import benchmarks
from moralsc.benchmarks import sources
from moralsc.benchmarks.admissions import LAW
from moralsc.benchmarks.bbq import FILES
from moralsc.benchmarks.winogender import STATISTICS, TEMPLATES
from moralsc.errors import DataError
from moralsc.settings import Settings

AGE = FILES["Age"]


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


# --- finding ---


def test_every_pinned_file_has_a_commit_and_a_blob_of_its_own() -> None:
    files = [*FILES.values(), TEMPLATES, STATISTICS]
    assert len({f.blob for f in files}) == len(files) == 13
    assert all(len(f.blob) == len(f.commit) == 40 for f in files)


def test_a_blob_id_is_that_of_git(tmp_path: Path) -> None:
    assert sources.blob_id(write(tmp_path / "a", "hello\n")) == "ce013625030ba8dba906f756967f9e9ca394464a"


@pytest.mark.parametrize("folder", ["bbq", "BBQ/data", "data", "."])
def test_bbq_is_found_sorted_cloned_or_just_there(settings: Settings, tmp_path: Path, folder: str) -> None:
    path = write(tmp_path / "mine" / folder / "Age.jsonl", "{}")
    found = sources.find(AGE, replace(settings, data=tmp_path / "mine"))
    assert found is not None
    assert found.path.samefile(path)
    assert (found.own, found.verified) == (True, False)


@pytest.mark.parametrize("folder", ["admissions", "."])
def test_the_law_school_file_is_found_in_the_users_folder_alone(
    settings: Settings, tmp_path: Path, folder: str
) -> None:
    write(sources.cached(LAW, settings), "")
    assert sources.find(LAW, settings) is None
    path = write(tmp_path / "mine" / folder / "law_data.csv", "race,sex,LSAT,UGPA\n")
    found = sources.find(LAW, replace(settings, data=tmp_path / "mine"))
    assert found is not None
    assert found.path.samefile(path)
    assert found.origin == "law_data.csv of your own"


def test_nothing_is_found_where_nothing_is(settings: Settings, tmp_path: Path) -> None:
    assert sources.find(AGE, replace(settings, data=tmp_path)) is None


def test_the_users_own_file_goes_before_the_cache(real: Settings, settings: Settings, tmp_path: Path) -> None:
    theirs = sources.find(AGE, real)
    if theirs is None:
        pytest.skip("Age.jsonl is not here")
    target = sources.cached(AGE, settings)
    target.parent.mkdir(parents=True)
    shutil.copy(theirs.path, target)
    cached = sources.find(AGE, settings)
    assert cached is not None
    assert (cached.verified, cached.own, cached.origin) == (True, False, "nyu-mll/BBQ at bea11bd97d79")
    write(tmp_path / "mine" / "Age.jsonl", theirs.path.read_bytes().splitlines(keepends=True)[0])
    own = sources.find(AGE, replace(settings, data=tmp_path / "mine"))
    assert own is not None
    assert (own.verified, own.own) == (False, True)
    assert own.origin == "Age.jsonl of your own (differs from nyu-mll/BBQ at bea11bd97d79)"


def test_a_file_of_ones_own_that_differs_is_read_and_said_to_be_unverified(
    real: Settings, settings: Settings, tmp_path: Path
) -> None:
    theirs = sources.find(AGE, real)
    if theirs is None:
        pytest.skip("Age.jsonl is not here")
    lines = theirs.path.read_bytes().splitlines(keepends=True)
    mine = replace(settings, data=tmp_path / "mine")
    write(tmp_path / "mine" / "Age.jsonl", b"".join(lines[:8]))
    made = benchmarks.load("bbq", mine, category="Age")
    assert (len(made.items), made.bundled) == (8, False)
    assert "differs from" in made.origin
    assert made.items[0].origin == made.origin
    write(tmp_path / "mine" / "Age.jsonl", b"".join(lines[:12]))
    assert len(benchmarks.load("bbq", mine, category="Age").items) == 12


# --- reading ---


def test_json_lines_come_with_their_places(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '\ufeff{"a": 1}\r\n\n{"a": "\u2028"}')
    assert list(sources.read_jsonl(path)) == [(f"{path}, line 1", {"a": 1}), (f"{path}, line 3", {"a": "\u2028"})]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ('{"a": 1}\n{"a": }\n', "line 2: not JSON"),
        ('{"a": 1}\n{"a": 1', "line 2: not JSON"),
        ("[1]\n", "line 1: not a JSON object"),
        ("{}\n" * 2 + "[" * 100_000, "line 3: not JSON (nested too deep)"),
        (b'{"a": 1}\n{"a": "\xff"}\n', "line 2: not text in UTF-8"),
    ],
)
def test_a_line_that_is_no_json_object_is_an_error_that_names_it(
    tmp_path: Path, content: str | bytes, complaint: str
) -> None:
    path = write(tmp_path / "a.jsonl", content)
    with pytest.raises(DataError) as error:
        list(sources.read_jsonl(path))
    assert str(error.value).startswith(f"{path}, {complaint}")


def test_tables_keep_quotes_in_tabs_and_know_them_in_commas(tmp_path: Path) -> None:
    tabs = write(tmp_path / "a.tsv", 'a\tb\n"x\ty"\n\n1\t2')
    assert list(sources.read_table(tabs, "\t", ("a",))) == [
        (f"{tabs}, line 2", {"a": '"x', "b": 'y"'}),
        (f"{tabs}, line 4", {"a": "1", "b": "2"}),
    ]
    commas = write(tmp_path / "a.csv", ',sex\n"0","1"\n')
    assert list(sources.read_table(commas, ",", ("sex",))) == [(f"{commas}, line 2", {"": "0", "sex": "1"})]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "line 1: the column 'sex' is missing. Found: nothing."),
        ("a,b\n", "line 1: the column 'sex' is missing. Found: a, b."),
        ("a,sex\n1,2\n1\n", "line 3: 1 fields, and the header has 2."),
        ("a,sex\n1,2,3\n", "line 2: 3 fields, and the header has 2."),
        ('a,sex\n1,"2\n', "line 2: "),
        (b"a,sex\n1,2\n1,\xe9\n", "line 3: not text in UTF-8"),
    ],
)
def test_a_damaged_table_is_an_error_that_names_the_line(tmp_path: Path, content: str | bytes, complaint: str) -> None:
    path = write(tmp_path / "a.csv", content)
    with pytest.raises(DataError) as error:
        list(sources.read_table(path, ",", ("sex",)))
    assert str(error.value).startswith(f"{path}, {complaint}")


def test_a_file_that_cannot_be_opened_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.jsonl: the file cannot be read"):
        list(sources.read_jsonl(tmp_path / "gone.jsonl"))
