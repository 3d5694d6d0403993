"""Documents say what the bundled results hold, and what the programs that they name print."""

import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).resolve().parents[2]


def words(name: str) -> str:
    """A document's text without its line breaks."""
    return " ".join((ROOT / name).read_text(encoding="utf-8").split())


def items(run: str) -> dict[tuple[str, str, str], int]:
    """(benchmark, source, category) -> items in a bundled run."""
    columns = ["benchmark", "source", "category"]
    table = pq.read_table(ROOT / "assets/results" / run / "records.parquet", columns=[*columns, "item"])
    rows = table.group_by(columns).aggregate([("item", "count_distinct")]).to_pylist()
    return {(r["benchmark"], r["source"], r["category"]): r["item_count_distinct"] for r in rows}


@pytest.mark.parametrize("name", ["docs/guide.md", "docs/batch.md", "CONTRIBUTING.md"])
def test_the_size_of_the_bundled_samples_is_said(name: str) -> None:
    assert set(items("winogender").values()) == {60}  # two sets, published and bundled: whole
    most = max(items("bbq").values())
    assert f"at most {most} items a category" in words(name)
    assert "both Winogender sets" in words(name)


@pytest.mark.slow
def test_the_table_of_costs_is_what_the_program_prints(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bbq").mkdir()
    for category in ("Age", "Nationality", "Religion"):
        (tmp_path / f"bbq/{category}.jsonl").symlink_to(data_dir / f"bbq/{category}.jsonl")
    monkeypatch.setenv("MORALSC_DATA", str(tmp_path))
    monkeypatch.setenv("MORALSC_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MORALSC_PROMPTS", raising=False)
    command = [sys.executable, "-m", "benchmarks.cost", "--limit", "60"]
    printed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    table = printed[printed.index("| model") :].strip()
    assert table in (ROOT / "docs/cluster.md").read_text(encoding="utf-8")
