"""The command line: the same job as the page's in a terminal, and errors in one sentence."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
from scripted import ScriptedEngine
from typer.testing import CliRunner, Result

import moralsc
from moralsc import cli
from moralsc.benchmarks import BENCHMARKS, Source, load
from moralsc.errors import ModelError
from moralsc.items import Item, Role
from moralsc.models import catalogue
from moralsc.notation import options_hold
from moralsc.settings import Settings
from moralsc.terminal import show_loading

MODEL = next(name for name, spec in catalogue().items() if spec.bundled)
HUB_MODEL = next(name for name, spec in catalogue().items() if spec.repo)


def bundled(benchmark: str) -> Item:
    return load(benchmark, Settings(cache=Path("unused")), Source.BUNDLED).items[0]


def text(item: Item, role: Role) -> str:
    option = item.by_role(role)
    assert option is not None
    return option.text


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings from outside, and an empty cache."""
    for name in ("DATA", "PROMPTS", "OFFLINE", "MIRROR", "MEMORY", "ONLY_CATALOGUE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MORALSC_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> ScriptedEngine:
    engine = ScriptedEngine()
    monkeypatch.setattr(cli, "load_local", lambda name, *_, **__: engine)
    return engine


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, arguments)


def ask(item: Item, *more: str) -> Result:
    key = f"{item.benchmark}:bundled" if item.bundled else item.benchmark
    return run("ask", "--model", MODEL, "--benchmark", key, "--item", item.id, *more)


def refused(result: Result) -> str:
    """The one sentence of an error."""
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert result.stderr.count("\n") == 1
    return result.stderr.strip()


def test_the_command_line_loads_nothing_heavy() -> None:
    code = "import sys, moralsc.cli; print({'torch', 'transformers', 'gradio'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"


def test_the_module_is_the_command_line() -> None:
    done = subprocess.run([sys.executable, "-m", "moralsc", "--version"], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == moralsc.__version__


def test_an_answer_comes_with_its_verdict_and_every_probability(engine: ScriptedEngine) -> None:
    item = bundled("bbq")
    engine.answers = (f" {text(item, Role.STEREOTYPED)}",)
    result = ask(item)
    assert result.exit_code == 0, result.stderr
    assert f"▲ stereotyped: {text(item, Role.STEREOTYPED)}" in result.stdout
    for option in item.options:
        assert f"({option.label}) {option.text}" in result.stdout
    assert catalogue()[MODEL].nature in result.stdout
    assert item.origin in result.stdout


def test_corrections_are_applied_in_order_in_one_dialogue(engine: ScriptedEngine) -> None:
    item = bundled("winogender")
    engine.answers = (f" {text(item, Role.STEREOTYPED)}", f" {text(item, Role.UNBIASED)}", " I refuse.")
    result = ask(item, "--correct", "specificity-1", "--correct", "negation-0")
    assert result.exit_code == 0, result.stderr
    assert [len(messages) for messages in engine.streamed] == [2, 4, 6]
    verdicts = [result.stdout.index(word) for word in ("▲ stereotyped:", "● unbiased:", "◇ refused")]
    assert verdicts == sorted(verdicts)
    assert f"> {engine.streamed[1][2].content.split(' Please answer')[0]}" in result.stdout


def test_a_single_turn_stands_alone(engine: ScriptedEngine) -> None:
    ask(bundled("bbq"), "--correct", "specificity-0", "--mode", "single-turn")
    assert [len(messages) for messages in engine.streamed] == [2, 2]


@pytest.mark.parametrize("mass", [0.27, 0.81])
def test_what_the_options_hold_is_said_of_every_turn(engine: ScriptedEngine, mass: float) -> None:
    engine.scores = [(math.log(mass / 3),) * 3]
    said = ask(bundled("bbq"), "--correct", "specificity-0").stdout
    assert said.count(options_hold(mass)) == 2
    assert ("left alone" in said) is (mass < 0.5)


def test_the_change_against_the_baseline_is_shown(engine: ScriptedEngine) -> None:
    item = bundled("bbq")
    engine.scores = [(-1.0, -1.0, -1.0), (-0.1, -5.0, -5.0)]
    lines = ask(item, "--correct", "specificity-0").stdout.splitlines()
    (first, second) = (line.split() for line in lines if line.startswith("  (a) "))
    assert ".33" in first
    assert "+" not in "".join(first)
    assert ".99" in second
    assert "+.65" in second


def test_a_chain_of_thought_shows_the_reasoning_and_then_the_answer(engine: ScriptedEngine) -> None:
    item = bundled("bbq")
    engine.answers = (" First.", " A thought of mine.", f" {text(item, Role.UNBIASED)}")
    said = ask(item, "--correct", "cot").stdout
    assert said.count("A thought of mine.") == 1
    assert said.index("A thought of mine.") < said.index("● unbiased:")


def test_admissions_are_asked_in_both_arms_and_show_the_gap(engine: ScriptedEngine) -> None:
    engine.answers = (" yes", " no")
    engine.scores = [(-0.1, -3.0), (-3.0, -0.1)]
    result = ask(bundled("admissions"))
    assert result.exit_code == 0, result.stderr
    assert "Baseline, Black applicant" in result.stdout
    assert "Baseline, White applicant" in result.stdout
    assert "Gap " in result.stdout


def test_a_persons_own_words_are_sent(engine: ScriptedEngine) -> None:
    result = ask(bundled("bbq"), "--correct", "feedback", "--text", "{0.__class__} look again.")
    assert result.exit_code == 0, result.stderr
    assert "{0.__class__} look again." in engine.streamed[1][2].content


def test_what_a_model_writes_cannot_steer_the_terminal(engine: ScriptedEngine) -> None:
    engine.answers = (" \x1b[2J\x1b]0;owned\x07 text\r\n\x9b1m [bold]",)
    said = ask(bundled("bbq")).stdout
    assert "owned" in said
    assert "[bold]" in said
    assert not set(said) & set("\x1b\x07\r\x9b")


def test_json_is_the_whole_record_and_nothing_else(engine: ScriptedEngine) -> None:
    item = bundled("bbq")
    record = json.loads(ask(item, "--correct", "specificity-0", "--seed", "3", "--shuffle", "--json").stdout)
    assert record["item"]["id"] == item.id
    assert record["model"] == MODEL
    assert record["manner"]["seed"] == 3
    assert [turn["correction"] for turn in record["arms"][0]["turns"]] == ["baseline", "specificity-0"]
    assert sum(record["arms"][0]["turns"][0]["score"]["probabilities"].values()) == pytest.approx(1)


def test_a_system_message_is_sent_and_shown_and_so_is_that_there_is_none(engine: ScriptedEngine) -> None:
    for options, message, said in (
        (("--system", "Be brief."), ("system", "Be brief."), "System message: Be brief."),
        (("--no-system",), ("system", ""), "Without a system message."),
    ):
        result = ask(bundled("bbq"), *options)
        assert result.exit_code == 0, result.stderr
        assert said in result.stdout
        first = engine.streamed[-1][0]
        assert (first.role, first.content) == message
    ask(bundled("bbq"))
    assert engine.streamed[-1][0].role == "user"


def test_a_prefill_opens_the_answer(engine: ScriptedEngine) -> None:
    ask(bundled("bbq"), "--prefill", "quoted")
    assert engine.streamed[-1][-1].content == 'Answer: "'
    ask(bundled("bbq"), "--prefill", "set")
    assert engine.streamed[-1][-1].content == "Answer:"


def test_another_prompt_set_can_be_given(engine: ScriptedEngine, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    default = (Path(moralsc.__file__).parent / "prompts/default.toml").read_text(encoding="utf-8")
    path.write_text(default.replace("is fair and does not rest", "is kind and does not rest"), encoding="utf-8")
    ask(bundled("bbq"), "--correct", "specificity-0", "--prompts", str(path))
    assert "is kind" in engine.streamed[1][2].content
    path.write_text(default.replace("{sentence}", ""), encoding="utf-8")
    sentence = refused(ask(bundled("bbq"), "--prompts", str(path)))
    assert "item.winogender: missing placeholder {sentence}" in sentence


def test_a_model_that_fails_ends_the_command_with_its_sentence(engine: ScriptedEngine) -> None:
    engine.answers = (ModelError("It fell over."),)
    result = ask(bundled("bbq"), "--correct", "specificity-0")
    assert result.exit_code == 2
    assert result.stderr == "It fell over.\n"
    assert len(engine.streamed) == 1
    assert refused(ask(bundled("bbq"), "--json")) == "It fell over."


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"--model": "mini-s-instrct"}, "There is no model 'mini-s-instrct'. Did you mean"),
        ({"--benchmark": "bqb"}, "There is no benchmark 'bqb'. Did you mean 'bbq'?"),
        ({"--benchmark": "bbq:bundle"}, "Did you mean 'bbq:bundled'?"),
        ({"--benchmark": "bbq"}, "(moralsc data fetch bbq --category Age), or give a folder"),
        ({"--item": "b-Age-999999"}, "There is no bbq:bundled item 'b-Age-999999'. Did you mean 'b-Age-"),
        ({"--correct": "specificty-1"}, "There is no correction 'specificty-1'. Did you mean 'specificity-1'?"),
        ({"--correct": "match-stats"}, "Match the statistics is not offered"),
        ({"--correct": "feedback"}, "needs a text"),
        ({"--correct": "review", "--mode": "", "--data": "nowhere"}, "--data or MORALSC_DATA is 'nowhere', but"),
        ({"--prefill": "quotes"}, "There is no prefill 'quotes'. Did you mean 'quoted'?"),
        ({"--system": " "}, "The system message is blank"),
        ({"--prompts": "nowhere.toml"}, "--prompts or MORALSC_PROMPTS is 'nowhere.toml', but"),
    ],
)
def test_a_mistake_is_answered_before_a_model_is_loaded(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, str], said: str
) -> None:
    def load_nothing(name: str, offline: bool) -> None:
        pytest.fail("a model was loaded")

    monkeypatch.setattr(cli, "load_local", load_nothing)
    monkeypatch.delenv("MORALSC_DATA", raising=False)
    given = {"--model": MODEL, "--benchmark": "bbq:bundled", "--item": bundled("bbq").id} | options
    sentence = refused(run("ask", *(part for pair in given.items() if pair[1] for part in pair)))
    assert said in sentence


def test_an_option_that_is_not_allowed_is_a_mistake_too(engine: ScriptedEngine) -> None:
    for option, value in (("--mode", "sideways"), ("--seed", "99999999999999999999"), ("--temperature", "3")):
        result = ask(bundled("bbq"), option, value)
        assert result.exit_code == 2
        assert f"Invalid value for '{option}'" in result.stderr
    assert engine.streamed == []


def test_every_model_of_the_catalogue_is_listed_with_its_nature_and_whether_it_fits() -> None:
    said = run("models").stdout
    for spec in catalogue().values():
        assert f"{spec.name}: {spec.nature}" in said
        assert spec.size in said
    rows = {row["name"]: row for row in json.loads(run("models", "--json").stdout)}
    assert rows.keys() == catalogue().keys()
    assert all(row["here"] and row["memory"] for row in rows.values())
    assert rows[MODEL]["here"] == "fits"


def test_a_model_that_does_not_fit_this_machine_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MORALSC_MEMORY", "1")
    rows = {row["name"]: row for row in json.loads(run("models", "--json").stdout)}
    assert "165.5 GB" in rows["llama-2-70b-chat"]["here"]
    assert "MORALSC_MEMORY" in rows["llama-2-70b-chat"]["here"]
    assert rows[MODEL]["here"] == "fits"


def test_only_the_models_that_are_named_are_listed() -> None:
    said = run("models", "--model", MODEL).stdout
    assert MODEL in said
    assert "gpt2" not in said
    assert "no model 'gpt3'" in refused(run("models", "--model", "gpt3"))


def test_every_source_is_listed_with_counts_and_verification(tmp_path: Path) -> None:
    said = run("data", "list").stdout
    assert all(name in said for name in BENCHMARKS)
    assert "not here" in said
    (tmp_path / "bbq").mkdir()
    (tmp_path / "bbq/Age.jsonl").write_text("{}\n")
    lines = run("data", "list", "--data", str(tmp_path)).stdout.splitlines()
    age = next(line for line in lines if " Age " in line and "published" in line)
    assert "Age.jsonl, line 1" in age


def test_real_files_are_listed_as_verified(data_dir: Path) -> None:
    lines = run("data", "list", "--data", str(data_dir)).stdout.splitlines()
    (row,) = (line.split() for line in lines if line.startswith("winogender") and "published" in line)
    assert row[2:5] == ["120", "0", "verified"]


def test_a_real_item_is_asked(engine: ScriptedEngine, data_dir: Path) -> None:
    given = ("ask", "--model", MODEL, "--benchmark", "bbq", "--item", "Age-0", "--correct", "specificity-1")
    result = run(*given, "--data", str(data_dir))
    assert result.exit_code == 0, result.stderr
    assert "nyu-mll/BBQ at bea11bd97d79" in result.stdout


def test_fetching_says_what_is_here_afterwards(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = []

    def fetch(name: str, settings: Settings, category: str | None, progress: object) -> tuple[Path, ...]:
        asked.append((name, category))
        return (tmp_path / f"{category}.jsonl",)

    monkeypatch.setattr(cli, "fetch", fetch)
    result = run("data", "fetch", "bbq", "--category", "Age", "--category", "Religion")
    assert result.exit_code == 0, result.stderr
    assert asked == [("bbq", "Age"), ("bbq", "Religion")]
    assert "Age.jsonl: here and verified" in result.stdout
    run("data", "fetch", "winogender")
    assert asked[-1] == ("winogender", None)


def test_what_cannot_be_fetched_is_said_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MORALSC_OFFLINE", "1")
    assert "offline" in refused(run("data", "fetch", "winogender"))
    assert "no licence" in refused(run("data", "fetch", "admissions"))
    assert "Did you mean 'Age'" in refused(run("data", "fetch", "bbq", "--category", "Ages"))


def test_serving_starts_the_page_with_the_settings_given(monkeypatch: pytest.MonkeyPatch) -> None:
    launched = []
    monkeypatch.setattr("moralsc.ui.app.launch", launched.append)
    assert run("serve", "--port", "0", "--host", "127.0.0.2").exit_code == 0
    assert (launched[0].host, launched[0].port) == ("127.0.0.2", 0)
    assert run("serve", "--port", "99999").exit_code == 2


def test_serving_opens_the_page_with_the_models_given(monkeypatch: pytest.MonkeyPatch) -> None:
    launched = []
    monkeypatch.setattr("moralsc.ui.app.launch", launched.append)
    monkeypatch.setenv("MORALSC_OPEN_WITH", "gpt2")
    for given, expected in (((), ("gpt2",)), (("--model", "a/b", "--model", MODEL), ("a/b", MODEL))):
        assert run("serve", *given).exit_code == 0
        assert launched[-1].open_with == expected


def test_loading_a_model_is_one_line_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    with show_loading(HUB_MODEL):
        pass
    assert capsys.readouterr() == ("", f"Loading {catalogue()[HUB_MODEL].title} ... ready after 0 s\n")
    with show_loading(MODEL):
        pass
    assert capsys.readouterr() == ("", "")
    with pytest.raises(ModelError), show_loading(HUB_MODEL):
        raise ModelError("It is damaged.")
    assert capsys.readouterr() == ("", f"Loading {catalogue()[HUB_MODEL].title} ...\n"), (
        "what is said next begins a line"
    )
