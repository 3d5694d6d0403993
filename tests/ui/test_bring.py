"""The Bring section without a browser: what came of a file, who sees it, and that what is no run changes nothing."""

import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from batch.fakes import FAKES, SETTINGS, design, fake
from catalogues import offering

from moralsc.batch.run import run
from moralsc.errors import InputError
from moralsc.hosting.job import RUN, Ticket, owner_of, write_ticket
from moralsc.ui.behind import Behind, Chosen
from moralsc.ui.bring_section import Handlers, _build_parts
from moralsc.ui.context import Context, new_context
from moralsc.ui.explorer import Explorer, Filters
from moralsc.ui.library import Library
from moralsc.ui.own import OwnRuns

ME, YOU = "m" * 64, "y" * 64
MADE = design("winogender:bundled", "specificity-0", limit=4, batch=2)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "run"
    with offering(FAKES):
        run(MADE, out, SETTINGS, load=lambda name: fake(FAKES[name]))
    return out


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return new_context(replace(SETTINGS, cache=tmp_path / "cache", offline=True))


@pytest.fixture
def library(context: Context, tmp_path: Path) -> Library:
    return Library(context.settings, tmp_path / "none", own=OwnRuns(context.runs, context.brought).of)


@pytest.fixture
def handlers(context: Context, library: Library) -> Handlers:
    with gr.Blocks(analytics_enabled=False):
        return Handlers(context, library, _build_parts(context))


def bring(handlers: Handlers, file: Path, secret: str = ME) -> Mapping[Any, Any]:
    *_, last = handlers.bring(secret, str(file))
    return last


def listed(handlers: Handlers, secret: str = ME) -> list[dict[str, Any]]:
    return list((handlers.look(secret)[handlers._parts.brought]["runs"] or {}).values())


@pytest.fixture
def zipped(whole: Path, tmp_path: Path) -> Path:
    with zipfile.ZipFile(tmp_path / "my run.zip", "w") as file:
        for path in whole.rglob("*"):
            file.write(path, path.relative_to(whole))
    return tmp_path / "my run.zip"


def test_a_brought_run_is_in_every_list_of_its_visitor_and_in_nobody_elses(
    handlers: Handlers, library: Library, context: Context, zipped: Path
) -> None:
    said = bring(handlers, zipped)[handlers._parts.said]
    assert said["text"].startswith("my run (brought) stands in the lists now. It holds answers of fake to winogender")
    assert not zipped.exists(), "the upload is not kept beside the run"
    explorer = Explorer(library, context.prompts.corrections)
    behind = Behind(library, context.settings, context.prompts)
    assert [f.name for f in explorer.choose(Filters(), ME).selection.folders] == ["my run (brought)"]
    chosen = Chosen("my run (brought)", "fake", "winogender:bundled", "specificity-0", small_mass=True)
    item = behind.listing(chosen, 0, ME).items[0]
    assert behind.told(chosen, item, ME)
    for visitor in (YOU, ""):
        assert explorer.choose(Filters(), visitor).names == ()
        assert behind.runs(visitor) == ()
        with pytest.raises(InputError, match="no run"):
            behind.listing(chosen, 0, visitor)
        with pytest.raises(InputError, match="no run"):
            behind.told(chosen, item, visitor)
    assert listed(handlers, YOU) == []


def test_remove_removes_it_for_its_visitor_alone(handlers: Handlers, library: Library, zipped: Path) -> None:
    bring(handlers, zipped)
    (run,) = listed(handlers)
    event = gr.EventData(None, {"id": run["id"]})
    with pytest.raises(InputError, match="no such run"):
        handlers.remove(event, YOU)
    assert len(library.folders(ME)) == 1
    handlers.remove(event, ME)
    assert listed(handlers) == []
    assert library.folders(ME) == ()


@pytest.mark.parametrize("data", [None, {}, {"id": ".."}, {"id": ["x"]}])
def test_a_made_up_button_is_a_sentence(handlers: Handlers, data: Any) -> None:
    with pytest.raises(InputError):
        handlers.remove(gr.EventData(None, data), ME)


def test_what_is_no_run_is_a_sentence_and_nothing_stays(handlers: Handlers, context: Context, tmp_path: Path) -> None:
    (tmp_path / "a${1}.zip").write_bytes(b"<b>no</b>")
    shown = bring(handlers, tmp_path / "a${1}.zip")
    said = shown[handlers._parts.said]
    assert said["kind"]
    assert "begins neither as a zip file" in said["text"]
    assert "${" not in said["text"].replace("\\${", "")
    assert shown[handlers._parts.file] is None
    assert listed(handlers) == []
    assert list((context.settings.cache / "brought").iterdir()) == []


def test_without_a_secret_nothing_is_kept(handlers: Handlers, context: Context, zipped: Path) -> None:
    said = bring(handlers, zipped, "")[handlers._parts.said]
    assert "no key" in said["text"]
    assert not (context.settings.cache / "brought").exists()


class BrokenOffError(Exception):
    """Ends a run after its first batch."""


def test_a_visitors_own_run_keeps_its_name_as_it_grows_and_its_items_say_how_far_it_is(
    context: Context, library: Library
) -> None:
    job = context.settings.cache / "runs" / "0123"

    def stop(_: Any) -> None:
        raise BrokenOffError

    with offering(FAKES), pytest.raises(BrokenOffError):
        run(MADE, job / RUN, SETTINGS, load=lambda name: fake(FAKES[name]), on_progress=stop)
    write_ticket(job, Ticket(owner_of(ME), MADE.record(), 8, 1.8e9))
    behind, name = Behind(library, context.settings, context.prompts), "your run of 2027-01-15 08:00 UTC"
    chosen = Chosen(name, "fake", "winogender:bundled", "specificity-0")
    assert behind.runs(ME) == (name,)
    for search in ("", "nothing"):
        listed = behind.listing(replace(chosen, search=search), 0, ME)
        assert listed.sentence.endswith(" Listed while the run was incomplete: done 4 of 16 records.")
    assert library.folders(YOU) == ()
    with offering(FAKES):
        run(MADE, job / RUN, SETTINGS, load=lambda name: fake(FAKES[name]))
    assert behind.runs(ME) == (name,)
    assert "incomplete" not in behind.listing(chosen, 0, ME).sentence
