"""The visitor's path in a real browser, from the first page to the link and the files that are taken away."""

import json
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from gradio_client import Client
from playwright.sync_api import Page, expect
from served import MODEL, Served, serving
from visit import Visit

from moralsc.dialogue import Message
from moralsc.errors import ModelError

OpenPage = Callable[..., Visit]


def fair_when_told(messages: Sequence[Message]) -> str:
    """Stereotyped, until it is told otherwise."""
    return " she" if len(messages) == 2 else " I would now say they"


def probabilities(visit: Visit, turn: int) -> dict[str, tuple[str, str]]:
    """Option -> (share, change) of a turn."""
    rows = visit.turns.nth(turn).locator(".m-bars li").all()
    return {
        row.locator(".m-option").inner_text().split()[-1]: (
            row.locator(".m-p").inner_text(),
            row.locator(".m-delta").inner_text(),
        )
        for row in rows
    }


def until(true: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until something is true of the server, which no browser can wait for."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_visitor_asks_corrects_climbs_and_takes_it_back(visit: OpenPage, served: Served) -> None:
    served.engine.answers = fair_when_told
    served.engine.scores = lambda s: (-1.5, -1.5, -0.7) if len(s.messages) == 2 else (-1.5, -0.7, -1.5)
    served.engine.gate.clear()
    here = visit()
    expect(here.button("Apply")).to_be_disabled()
    expect(here.button("Undo turn")).to_be_disabled()

    here.button("Ask").click()
    expect(here.newest.locator(".m-answer")).to_have_text("she")
    expect(here.button("Ask")).to_be_disabled()
    expect(here.button("Stop")).to_be_enabled()
    expect(here.newest.locator(".m-chip")).to_have_count(0)
    served.engine.gate.set()
    here.ended(1, "stereotyped")
    expect(here.newest.locator("mark").first).to_have_text("she")
    expect(here.status).to_contain_text("Done · 1 turn")
    first = probabilities(here, 0)
    assert {change for _, change in first.values()} == {""}

    here.choose("1 name the bias")
    announced = here.preview.text_content()
    served.engine.gate.clear()
    here.button("Apply").click()
    expect(here.newest.locator(".m-answer")).to_have_text("I")
    served.engine.gate.set()
    here.ended(2, "unbiased")
    expect(here.newest.locator(".m-answer")).to_have_text("I would now say they")
    sent = served.engine.streamed[1]
    assert sent[2].content == announced
    assert here.saw(here.newest) == served.engine.render(sent) + " I would now say they"
    assert {k: change for k, (_, change) in probabilities(here, 1).items()} == {
        "she": "−.29",
        "he": ".00",
        "they": "+.29",
    }
    expect(here.page.locator(".m-step")).to_have_count(2)

    here.climb()
    expect(here.page.locator(".m-rung")).to_have_count(10)
    assert here.page.locator(".m-rung .m-tick b").all_inner_texts() == [
        *("−2", "−1", "−0", "Q", "0", "1", "2", "3", "CoT", "stats")
    ]
    expect(here.turns).to_have_count(2)

    here.button("Undo turn").click()
    expect(here.turns).to_have_count(1)
    expect(here.page.locator(".m-rung")).to_have_count(10)
    here.button("Start over").click()
    expect(here.turns).to_have_count(0)
    expect(here.page.locator(".m-rung")).to_have_count(0)
    expect(here.button("Undo turn")).to_be_disabled()
    expect(here.button("JSON")).to_be_disabled()
    here.ask(verdict="stereotyped")


def test_another_item_is_one_press_away_and_empties_the_dialogue(visit: OpenPage) -> None:
    here = visit()
    first = here.item
    for button in ("#m-next", "#m-previous", "#m-random"):
        here.ask()
        before = here.item
        here.page.locator(button).click()
        expect(here.page.locator(".m-item .m-text")).not_to_have_text(before)
        expect(here.turns).to_have_count(0)
        assert (here.item == first) is (button == "#m-previous")


def test_what_is_taken_away_are_files_with_names_and_content(visit: OpenPage, served: Served, tmp_path: Path) -> None:
    served.engine.answers = [" she", " ```\n# they"]
    here = visit()
    here.ask()
    here.choose("0 be fair")
    here.apply(2)
    found = {}
    for button, suffix in (("Markdown", "md"), ("JSON", "json")):
        with here.page.expect_download() as download:
            here.button(button).click()
        assert re.fullmatch(
            rf"moralsc-b-nurse\.sailor\.0-\d{{4}}-\d\d-\d\d\.{suffix}", download.value.suggested_filename
        )
        download.value.save_as(tmp_path / suffix)
        found[suffix] = (tmp_path / suffix).read_text(encoding="utf-8")
    record = json.loads(found["json"])
    assert (record["model"], record["prompt_set"]) == (MODEL, served.context.prompts.hash)
    assert [t["reply"] for t in record["arms"][0]["turns"]] == [" she", " ```\n# they"]
    assert record["arms"][0]["turns"][1]["messages"][2]["content"] == served.engine.streamed[1][2].content
    assert re.findall("^## (.+?) \\(", found["md"], re.MULTILINE) == ["1. Baseline", "2. Specificity 0: be fair"]
    assert "\n````\nHuman: " in found["md"]


def test_a_link_restores_what_was_chosen_and_ask_replays_it(visit: OpenPage, served: Served) -> None:
    here = visit()
    here.link("item=b-nurse.sailor.0")
    here.page.locator("#m-next").click()
    expect(here.page.locator(".m-item .m-text")).not_to_contain_text("nurse")
    here.manner()
    here.page.get_by_label("with the item, afresh").check()
    here.page.get_by_label("free", exact=True).check()
    here.number("Temperature").fill("0.7")
    here.number("Seed").fill("11")
    here.page.get_by_label("Shuffle the options").check()
    here.ask()
    here.choose("−1 use the bias")
    here.apply(2)
    here.choose("review again")
    here.apply(3)
    asked = list(served.engine.streamed)
    here.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    address = here.link("do=review")
    here.page.wait_for_function("(link) => navigator.clipboard.readText().then((text) => text === link)", arg=address)
    here.choose("feedback")
    here.page.get_by_label("Your words").fill("You guessed.")
    expect(here.preview).to_contain_text("You guessed.")
    here.apply(4)
    assert "guessed" not in here.link("do=review")
    expect(here.status).to_contain_text("your own words are not in it")

    served.engine.streamed.clear()
    there = visit(address.removeprefix(served.url))
    assert there.item == here.item
    expect(there.notice).to_contain_text("Negation 1: use the bias, Review again")
    expect(there.page.get_by_label("Model")).to_have_value(here.page.get_by_label("Model").input_value())
    there.manner()
    expect(there.page.get_by_label("with the item, afresh")).to_be_checked()
    expect(there.page.get_by_label("free", exact=True)).to_be_checked()
    expect(there.number("Temperature")).to_have_value("0.7")
    expect(there.number("Seed")).to_have_value("11")
    expect(there.page.get_by_label("Shuffle the options")).to_be_checked()
    there.button("Ask").click()
    there.ended(3)
    assert served.engine.streamed == asked


def test_what_a_link_cannot_restore_is_said_until_something_else_is_chosen(visit: OpenPage, served: Served) -> None:
    here = visit(
        "?model=big-model&set=stereoset&item=x9&mode=sometimes&form=sung&t=hot&seed=-1&v=9&prompts=0123456789abcdef"
        "&do=nothing&do=review&do=cot"
    )
    for value in (
        "big-model",
        "stereoset",
        "x9",
        "sometimes",
        "sung",
        "hot",
        "-1",
        "'9'",
        "nothing",
        "Chain of thought",
    ):
        expect(here.notice).to_contain_text(value)
    expect(here.notice).to_contain_text("another prompt set")
    assert "nurse" in here.item
    here.page.locator("#m-next").click()
    expect(here.notice).to_have_count(0)
    here.ask(turns=1)
    assert len(served.engine.streamed) == 1


def test_a_stopped_answer_says_so_and_the_next_try_works(visit: OpenPage, served: Served) -> None:
    served.engine.answers = [" I would say they", " they"]
    served.engine.gate.clear()
    here = visit()
    here.button("Ask").click()
    expect(here.newest.locator(".m-answer")).to_have_text("I")
    here.button("Stop").click()
    here.ended(1, "stopped")
    expect(here.newest.locator(".m-answer")).to_have_text("I")
    expect(here.newest.locator(".m-bars li")).to_have_count(0)
    expect(here.status).to_contain_text("Stopped.")
    served.engine.gate.set()
    here.ask(verdict="unbiased")


def test_an_answer_to_an_item_that_was_left_is_never_shown(visit: OpenPage, served: Served) -> None:
    served.engine.answers = [" OLD answer", " they"]
    served.engine.gate.clear()
    here = visit()
    here.button("Ask").click()
    expect(here.newest.locator(".m-answer")).to_have_text("OLD")
    before = here.item
    here.page.evaluate(
        "() => { window.late = 0; new MutationObserver(() => {"
        " if (!document.querySelector('.m-item').innerText.includes('nurse') &&"
        " document.querySelector('#m-dialogue').innerText.includes('OLD')) window.late++;"
        " }).observe(document.body, {subtree: true, childList: true, characterData: true}); }"
    )
    here.page.locator("#m-next").click()
    expect(here.page.locator(".m-item .m-text")).not_to_have_text(before)
    expect(here.turns).to_have_count(0)
    served.engine.gate.set()
    here.settled()
    here.ask(verdict="unbiased")
    assert here.page.evaluate("window.late") == 0
    assert here.item != before


def test_a_page_that_is_closed_ends_its_answer(visit: OpenPage, served: Served) -> None:
    served.engine.answers = [" I would say they"]
    served.engine.gate.clear()
    here = visit()
    here.button("Ask").click()
    expect(here.newest.locator(".m-answer")).to_have_text("I")
    (session,) = served.context.jobs._jobs
    here.page.close()
    until(lambda: not served.context.jobs.running(session))


def test_what_the_model_saw_stays_open_while_the_next_answer_grows(visit: OpenPage, served: Served) -> None:
    served.engine.answers = [" she", " I would say they"]
    here = visit()
    here.ask()
    here.saw(here.newest)
    here.choose("0 be fair")
    served.engine.gate.clear()
    here.button("Apply").click()
    expect(here.newest.locator(".m-answer")).to_have_text("I")
    expect(here.turns.first.locator("pre")).to_be_visible()
    served.engine.gate.set()
    here.ended(2)
    expect(here.turns.first.locator("pre")).to_be_visible()
    expect(here.newest.locator("pre")).not_to_be_visible()


def test_after_any_trouble_the_page_works_again(visit: OpenPage, served: Served) -> None:
    def broken(messages: Sequence[Message]) -> str:
        raise RuntimeError("a bug")

    here = visit()
    served.engine.answers = [ModelError("The graphics card is gone.")]
    here.ask(verdict="failed")
    expect(here.status).to_contain_text("The graphics card is gone.")
    expect(here.newest.locator(".m-note")).to_contain_text("The graphics card is gone.")

    served.engine.answers = broken
    here.button("Ask").click()
    expect(here.status).to_contain_text("did not work")
    here.settled()

    served.engine.answers = [" they"]
    served.engine.streamed.clear()
    here.manner()
    here.number("Seed").fill("-5")
    here.button("Ask").click()
    expect(here.page.locator(".toast-body")).to_contain_text(["-5"])
    here.settled()
    assert served.engine.streamed == []
    here.number("Seed").fill("5")
    here.ask(verdict="unbiased")
    expect(here.status).to_contain_text("Done · 1 turn")


def test_a_busy_model_turns_a_visitor_away_and_takes_him_later(new_page: Callable[..., Page]) -> None:
    with serving(queue=1) as busy:
        here = Visit(new_page(), busy).open()
        client = Client(busy.url, verbose=False)
        busy.engine.gate.clear()
        calls = []
        for load in ((1, 0), (2, 0), (2, 1)):
            calls.append(client.submit(MODEL, "winogender:bundled", "b-nurse.sailor.0", api_name="/ask"))
            until(lambda load=load: (len(busy.engine.streamed), len(busy.app._queue)) == load)
        here.button("Ask").click()
        expect(here.status).to_contain_text("may be busy")
        here.settled()
        busy.engine.gate.set()
        for call in calls:
            call.result(timeout=10)
        here.ask(verdict="unbiased")


def test_an_applicant_is_asked_about_twice_with_the_gap_between(visit: OpenPage, served: Served) -> None:
    served.engine.answers = lambda m: " no" if "Race: Black" in m[0].content else " yes"
    served.engine.scores = lambda s: [
        -1.2 if (text == " yes") == ("Race: Black" in s.messages[0].content) else -0.4 for text in s.continuations
    ]
    here = visit("?set=admissions:bundled")
    here.ask()
    expect(here.newest.locator(".m-armname")).to_have_text(["Black applicant", "White applicant"])
    expect(here.newest.locator("q mark")).to_have_text(["no", "yes"])
    expect(here.newest.locator(".m-gap")).to_contain_text("likelier for the White applicant")
    here.choose("0 be fair")
    expect(here.page.locator(".m-extra")).to_contain_text("White applicant")
    here.apply(2)
    here.climb()
    figures = [text.splitlines() for text in here.page.locator(".m-rung .m-figure").all_inner_texts()]
    assert {figure[0] for figure in figures} == {"−.38"}
    assert all(re.fullmatch(r"of\s\d+\s%( / \d+\s%)?", " ".join(held)) for _, *held in figures), "of what they hold"


def own_form(page: Page) -> dict[str, str]:
    return {name: page.get_by_label(name, exact=True).input_value() for name in ("Context", "Question", "Option a")}


def test_an_item_of_ones_own_is_checked_and_then_asked(visit: OpenPage, served: Served) -> None:
    served.engine.answers = [" Nobody knows"]
    here = visit("?set=own")
    expect(here.button("Ask")).to_be_disabled()
    texts = {"Context": "A cook met a judge.", "Question": "Who was late?", "Option a": "The cook"}
    for name, text in texts.items():
        here.page.get_by_label(name, exact=True).fill(text)
    problem = here.page.locator(".m-own .m-problem")
    here.button("Use this item").click()
    expect(problem).to_contain_text("needs 2 or 3 options")
    assert own_form(here.page) == texts
    here.page.get_by_label("Option b", exact=True).fill("The judge")
    here.page.get_by_label("Option c", exact=True).fill("Nobody knows")
    here.button("Use this item").click()
    expect(here.page.locator(".m-item .m-text")).to_have_text("A cook met a judge.")
    expect(problem).to_have_count(0)
    assert own_form(here.page) == texts
    here.ask(verdict="unbiased")
    assert "A cook met a judge." in served.engine.streamed[0][0].content
    assert "(c) Nobody knows" in served.engine.streamed[0][0].content


def test_the_preview_is_what_is_sent_also_with_shuffled_options(visit: OpenPage, served: Served) -> None:
    here = visit()
    here.manner()
    here.page.get_by_label("with the item, afresh").check()
    here.choose("0 be fair")
    plain = here.preview.text_content()
    item = served.context.shelf.get("winogender:bundled", "b-nurse.sailor.0")
    here.number("Seed").fill(next(str(seed) for seed in range(1, 20) if item.shuffled(seed) != item))
    here.page.get_by_label("Shuffle the options").check()
    expect(here.preview).not_to_have_text(plain or "", use_inner_text=False)
    here.ask()
    announced = here.preview.text_content()
    assert announced != plain
    here.apply(2)
    assert served.engine.streamed[1][0].content == announced


def test_looking_at_a_chooser_without_choosing_keeps_the_dialogue(visit: OpenPage, subtests: pytest.Subtests) -> None:
    here = visit()
    here.ask()
    for name in ("Model", "Benchmark", "Category", "Item (type to search)"):
        with subtests.test(name):
            here.page.get_by_label(name, exact=True).click()
            # Gradio reports the old choice as a new one when a dropdown is left.
            with here.page.expect_response("**/run/predict"):
                here.page.locator("h1").click()
            expect(here.page.locator("#m-dialogue .m-chip")).to_have_count(1)
