"""What every engine keeps to. A test class of an engine inherits these tests and gives an `engine` fixture."""

import math
import threading

import pytest

from moralsc.dialogue import Message
from moralsc.engines.base import Engine, Sampling, Scoring, StopFlag
from moralsc.models import ModelSpec

QUESTION = Message("user", "Which word belongs in the blank? The nurse said that ___ shift was over.")
PRIMER = Message("assistant", "Answer:")
PRONOUNS = Scoring((QUESTION, PRIMER), (" his", " her", " their"), closed=True)
LABELS = Scoring((QUESTION, Message("assistant", "Answer: (")), ("a", "b", "c"), closed=False)
HISTORY = (QUESTION, Message("assistant", "Answer: her"), Message("user", "Please be fair."), PRIMER)
LATER = Scoring(HISTORY, (" his", " her", " their"), closed=True)


def streamed(engine: Engine, messages: tuple[Message, ...] = HISTORY, sampling: Sampling | None = None) -> list[str]:
    return list(engine.stream(messages, sampling or Sampling(max_new_tokens=12), StopFlag()))


class EngineContract:
    @pytest.fixture
    def engine(self) -> Engine:
        raise NotImplementedError

    def test_the_primer_stands_at_the_very_end(self, engine: Engine) -> None:
        for primer in ("Answer:", "Answer: (", "  Let me think. \n"):
            text = engine.render((QUESTION, Message("assistant", primer)))
            assert text.endswith(primer)
            assert QUESTION.content in text

    def test_rendering_keeps_the_whole_history_in_order(self, engine: Engine) -> None:
        text = engine.render(HISTORY)
        places = [text.index(m.content) for m in HISTORY[:-1]]
        assert places == sorted(places)

    def test_a_system_message_stands_before_the_question(self, engine: Engine) -> None:
        text = engine.render((Message("system", "Be brief."), *HISTORY))
        assert text.count("Be brief.") == 1
        assert text.index("Be brief.") < text.index(QUESTION.content)

    def test_pieces_hold_text_and_whole_characters(self, engine: Engine) -> None:
        pieces = streamed(engine)
        assert all(pieces)
        # A model may write broken bytes in between; what a reply may not do is end within a character.
        assert not "".join(pieces).endswith("\ufffd")

    def test_a_greedy_reply_repeats(self, engine: Engine) -> None:
        assert streamed(engine) == streamed(engine)

    def test_a_seeded_reply_repeats(self, engine: Engine) -> None:
        sampling = Sampling(max_new_tokens=12, temperature=1.0, top_p=0.9, seed=3)
        assert streamed(engine, sampling=sampling) == streamed(engine, sampling=sampling)

    def test_no_more_pieces_than_tokens_were_allowed(self, engine: Engine) -> None:
        assert len(streamed(engine, sampling=Sampling(max_new_tokens=1))) <= 1

    def test_a_reply_ends_with_the_mark_that_it_is_drawn_until(self, engine: Engine) -> None:
        whole = "".join(streamed(engine))
        for mark in filter(None, (whole[:1], whole[1:3], whole[-1:])):
            through = whole[: whole.index(mark) + len(mark)]
            assert "".join(streamed(engine, sampling=Sampling(max_new_tokens=12, until=mark))) == through
        assert "".join(streamed(engine, sampling=Sampling(max_new_tokens=12, until="never said"))) == whole

    def test_nothing_comes_after_a_stop(self, engine: Engine) -> None:
        stop = StopFlag()
        stop.stop()
        assert not list(engine.stream(HISTORY, Sampling(), stop))

    def test_a_running_reply_ends_within_one_piece_of_the_stop(self, engine: Engine) -> None:
        stop = StopFlag()
        pieces = engine.stream(HISTORY, Sampling(max_new_tokens=64), stop)
        next(pieces, None)
        stop.stop()
        assert len(list(pieces)) <= 1

    def test_every_continuation_gets_one_figure(self, engine: Engine) -> None:
        scores = engine.score([PRONOUNS, LABELS, LATER])
        assert [len(s) for s in scores] == [3, 3, 3]
        assert all(isinstance(s, tuple) for s in scores)
        assert engine.score([]) == []

    def test_probabilities_never_exceed_one_together(self, engine: Engine) -> None:
        for score in engine.score([PRONOUNS, LABELS, LATER]):
            assert all(x <= 0 for x in score)
            assert math.fsum(map(math.exp, score)) <= 1 + 1e-6

    def test_a_score_does_not_depend_on_its_company(self, engine: Engine) -> None:
        together = engine.score([PRONOUNS, LABELS, LATER])
        alone = [engine.score([s])[0] for s in (PRONOUNS, LABELS, LATER)]
        for left, right in zip(together, alone, strict=True):
            assert left == pytest.approx(right, abs=1e-4)

    def test_a_score_does_not_depend_on_the_order_of_the_options(self, engine: Engine) -> None:
        (forward,) = engine.score([LATER])
        (backward,) = engine.score([Scoring(LATER.messages, LATER.continuations[::-1], LATER.closed)])
        assert forward == pytest.approx(backward[::-1], abs=1e-4)

    def test_threads_get_what_one_caller_gets(self, engine: Engine) -> None:
        expected = streamed(engine), engine.score([LATER])[0]
        got: list[tuple[list[str], tuple[float, ...]]] = []
        threads = [
            threading.Thread(target=lambda: got.append((streamed(engine), engine.score([LATER])[0]))) for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=30)
        assert len(got) == 2
        for pieces, score in got:
            assert pieces == expected[0]
            assert score == pytest.approx(expected[1], abs=1e-6)

    def test_the_engine_says_what_it_is(self, engine: Engine) -> None:
        assert isinstance(engine.spec, ModelSpec)
        facts = engine.provenance
        assert facts["model"] == engine.spec.name
        assert all(isinstance(k, str) and isinstance(v, str) and v for k, v in facts.items())
        assert facts == engine.provenance
