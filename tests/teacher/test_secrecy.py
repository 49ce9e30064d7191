"""A secret is what no text says by chance: it comes back in nothing, and nothing else is blotted."""

import asyncio

import pytest
from endpoint import Ask, Wire, error, message, object_reply, serve

from overproof.config.endpoint import EndpointConfig
from overproof.keys import BLOT, blot_keys
from overproof.records import Message
from overproof.teacher import connect
from overproof.teacher.reply import Failure, Reply
from overproof.teacher.secrecy import Secrets, gather_secrets, keep_secret

DRAWN = "Zk4TqW9mB2xR7vLp0Yd3"


@pytest.mark.parametrize(
    ("value", "kept_out_of"),
    [
        pytest.param("sk-7f3a9c21d4e8b6", "everything", id="a provider's key"),
        pytest.param(f"Bearer {DRAWN}", "everything", id="behind its scheme"),
        pytest.param(f"theme=dark; session={DRAWN}", "everything", id="in a cookie"),
        pytest.param("token-abc123", "everything", id="letters and digits"),
        pytest.param("myPassPhrase", "everything", id="capitals within"),
        pytest.param("a-rather-long-pass-phrase", "everything", id="long words"),
        pytest.param("not-needed", "messages", id="a placeholder"),
        pytest.param("lm-studio", "messages", id="a program's name"),
        pytest.param("12345678", "messages", id="a number"),
        pytest.param("EMPTY", "nothing", id="short"),
        pytest.param("qwen3-32b-awq", "nothing", id="what the config says openly"),
    ],
)
def test_what_is_called_a_key_is_kept_out_of_all_that_would_not_say_it_by_chance(value: str, kept_out_of: str) -> None:
    found = gather_secrets([value], said=["org/qwen3-32b-awq"])
    assert ("everything" if found.keys else "messages" if found.words else "nothing") == kept_out_of


@pytest.mark.parametrize(
    ("value", "is_secret"),
    [
        (DRAWN, True),
        ("0f8fad5b-d9cb-469f-a165-70867728950e", True),
        ("9f86d081884c7d659a2feaa0c55ad015", True),
        ("org-research", False),
        ("deepseek-r1-distill-qwen-32b", False),
        ("Qwen25Math72BInstruct", False),
        ("https://example.org/app", False),
        ("application/json", False),
        ("true", False),
        ("1732838400", False),
        ("2026-11-28T12:00:00Z", False),
    ],
)
def test_of_other_headers_only_what_nobody_has_chosen_is_a_secret(value: str, *, is_secret: bool) -> None:
    assert bool(gather_secrets([], [value]).keys) is is_secret
    assert not gather_secrets([], [value]).words


def test_the_beginning_of_a_key_is_blotted_where_it_was_cut_and_left_where_it_is_a_word() -> None:
    key = f"deepseek-{DRAWN}"
    assert blot_keys(f"the key {key[:14]}… and {key[:15]}****", [key]) == f"the key {BLOT}… and {BLOT}****"
    assert blot_keys("deepseek-chat of deepseek", [key]) == "deepseek-chat of deepseek"


def test_words_are_blotted_in_what_went_wrong_and_decide_nothing_elsewhere() -> None:
    secrets = Secrets(words=("not-needed",))
    said = Failure("not-needed", "fatal", "the key not-needed is wrong; another is not-needed-here", code="not-needed")
    kept = keep_secret(said, secrets)
    assert isinstance(kept, Failure)
    assert (kept.state, kept.message) == ("not-needed", f"the key {BLOT} is wrong; another is {BLOT}-here")


def test_a_header_that_names_the_model_the_route_or_a_word_of_the_reply_changes_no_reply(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent = {"X-Model": "org/some-model-v3", "X-Route": "positive", "X-Secret-Word": "integers", "X-Drawn": DRAWN}
    for name, value in sent.items():
        monkeypatch.setenv(name.replace("-", "_").upper(), value)
    monkeypatch.setenv("MY_KEY", "some-model")

    def script(ask: Ask) -> Wire:
        if ask.attempt == 1:
            return error(400, f"{ask.headers['x-drawn']} may not use {ask.headers['x-model']}")
        return object_reply(message("<think>positive integers</think>4") | {"model": "org/some-model-v3"})

    async def run(base_url: str) -> list[Reply | Failure]:
        headers = {name: name.replace("-", "_").upper() for name in sent}
        config = EndpointConfig.model_validate(
            {"model": "some-model-v3", "base_url": base_url, "key_env": "MY_KEY", "headers": headers, "stream": False}
        )
        async with connect(config) as teacher:
            return [await teacher.attempt(teacher.endpoints[0], [Message("user", "q")], 7) for _ in range(2)]

    with serve(script) as endpoint:
        failure, reply = asyncio.run(run(endpoint.base_url))
    assert isinstance(failure, Failure)
    assert failure.message == f"{BLOT} may not use org/some-model-v3"
    assert isinstance(reply, Reply)
    assert (reply.content, reply.model) == ("<think>positive integers</think>4", "org/some-model-v3")
