"""The engine on the shipped model: replies in any company, stop texts, bytes that are not yet text."""

import json
from pathlib import Path

import numpy as np
import pytest

from overproof.errors import InputError
from overproof.records import Message
from overproof.resources import bundled
from overproof.tiny.chat import render_prompt
from overproof.tiny.engine import Generated, Sampling, TinyEngine
from overproof.tiny.model import SLOTS, Network, is_repeatable
from overproof.tiny.problems import procedural_problems

QUESTIONS = [problem.question for problem in procedural_problems(48, seed=1, split="held_out")]


@pytest.fixture(scope="module")
def engine() -> TinyEngine:
    return TinyEngine(bundled("tiny-teacher"))


def ask(engine: TinyEngine, question: str, sampling: Sampling | None = None, seed: int = 0) -> Generated:
    prompt = engine.encode(render_prompt([Message("user", question)]))
    reply = Generated(prompt, sampling or Sampling(), (seed, 0))
    engine.submit(reply)
    return reply


def run(engine: TinyEngine) -> None:
    while engine.is_busy:
        engine.advance()


def test_a_reply_is_the_same_alone_and_among_others(engine: TinyEngine) -> None:
    together = [ask(engine, question, seed=number) for number, question in enumerate(QUESTIONS)]
    run(engine)
    for number, question in reversed(list(enumerate(QUESTIONS))[::3]):
        alone = ask(engine, question, seed=number)
        run(engine)
        assert (alone.text, alone.finish_reason) == (together[number].text, together[number].finish_reason)


def test_another_seed_gives_another_reply(engine: TinyEngine) -> None:
    texts = {ask(engine, QUESTIONS[0], Sampling(temperature=1.5), seed=seed) for seed in range(20)}
    run(engine)
    assert len({reply.text for reply in texts}) > 1


def test_temperature_zero_gives_one_reply_whatever_the_seed(engine: TinyEngine) -> None:
    replies = [ask(engine, QUESTIONS[3], Sampling(temperature=0), seed=seed) for seed in range(5)]
    run(engine)
    assert len({reply.text for reply in replies}) == 1


def test_the_self_test_passes_for_the_shipped_model(engine: TinyEngine) -> None:
    assert is_repeatable(Network(bundled("tiny-teacher")), engine.encode(QUESTIONS[0]))


def test_a_slot_steps_to_what_reading_the_whole_text_gives(engine: TinyEngine) -> None:
    network, tokens = Network(bundled("tiny-teacher")), engine.encode(QUESTIONS[0])
    for slot in range(SLOTS):
        network.read_prompt(slot, tokens[: 5 + slot])
    network.step([7] * SLOTS)
    network.step([7] * SLOTS)
    stepped = network.step([7] * SLOTS).copy()
    whole = network.read_prompt(0, [*tokens[:8], 7, 7, 7])
    assert np.abs(stepped[3] - whole).max() < 1e-4


def test_max_tokens_cuts_a_reply_and_says_so(engine: TinyEngine) -> None:
    whole, cut = ask(engine, QUESTIONS[0]), ask(engine, QUESTIONS[0], Sampling(max_tokens=9))
    run(engine)
    assert (cut.finish_reason, cut.completion_tokens) == ("length", 9)
    assert whole.finish_reason == "stop"
    assert whole.text.startswith(cut.text)
    assert whole.completion_tokens > 9


def test_a_reply_ends_where_the_context_does(engine: TinyEngine) -> None:
    room = engine.network.architecture.context_length
    prompt = engine.encode(QUESTIONS[0]) * 40
    reply = Generated(prompt[: room - 5], Sampling(temperature=2), (0, 0))
    engine.submit(reply)
    run(engine)
    assert reply.completion_tokens <= 5
    assert reply.finish_reason in {"stop", "length"}


def test_a_cancelled_reply_makes_room_for_the_next(engine: TinyEngine) -> None:
    busy = [ask(engine, question, seed=1) for question in QUESTIONS[: SLOTS + 1]]
    engine.advance()
    assert busy[-1].completion_tokens == 0
    busy[2].cancel()
    engine.advance()
    assert busy[-1].completion_tokens > 0
    made = busy[2].completion_tokens
    run(engine)
    assert (busy[2].finish_reason, busy[2].completion_tokens) == ("cancelled", made)
    assert all(reply.finish_reason != "cancelled" for reply in busy[:2] + busy[3:])


def grown(pieces: list[bytes], stop: tuple[str, ...] = ()) -> tuple[list[str], Generated]:
    """What a stream hands out token by token, and the reply, for tokens of these bytes."""
    reply = Generated([1], Sampling(stop=stop), (0, 0))
    handed = []
    for number, piece in enumerate(pieces):
        if reply.finish_reason is None:
            reply.append(0, piece, is_end=False, is_last=number == len(pieces) - 1)
            handed.append(reply.take_piece())
    return handed, reply


def test_a_stop_text_ends_the_reply_and_is_not_part_of_it() -> None:
    handed, reply = grown([b"one ", b"tw", b"o thr", b"ee"], stop=("o th", "zzz"))
    assert (reply.text, reply.finish_reason) == ("one tw", "stop")
    assert "".join(handed) == "one tw"


def test_what_may_become_a_stop_text_is_held_back_until_it_is_not() -> None:
    handed, reply = grown([b"a", b"b", b"x", b"ab"], stop=("abc",))
    assert handed == ["", "", "abx", "ab"]
    assert reply.finish_reason == "length"


def test_the_first_of_two_stop_texts_counts() -> None:
    _, reply = grown([b"a b c d"], stop=("c", "b"))
    assert reply.text == "a "


def test_a_letter_cut_between_two_tokens_arrives_whole() -> None:
    letters = "题".encode()
    handed, reply = grown([letters[:1], letters[1:], b"!"])
    assert handed == ["", "题", "!"]
    assert reply.text == "题!"


def test_bytes_that_never_become_text_are_shown_as_such() -> None:
    _, reply = grown(["题".encode()[:2]])
    assert reply.text == "\ufffd"


def test_a_folder_without_a_model_names_what_it_lacks(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text(json.dumps({}))
    with pytest.raises(InputError, match=r"lacks model\.onnx, model\.json"):
        TinyEngine(tmp_path)
