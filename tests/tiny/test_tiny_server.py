"""The server as its clients see it: a real process, the real OpenAI client, and requests that it must refuse."""

import asyncio
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import aiohttp
import openai
import pytest

from overproof.errors import EndpointError, MissingExtraError
from overproof.resources import bundled
from overproof.tiny import server
from overproof.tiny.api import Api
from overproof.tiny.chat import NO_THINKING, PLAIN_TEMPLATE
from overproof.tiny.engine import Generated, TinyEngine
from overproof.tiny.problems import procedural_problems
from overproof.tiny.server import serve

MODEL = "tiny-teacher"
QUESTIONS = [problem.question for problem in procedural_problems(48, seed=1, split="held_out")]


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    with serve(bundled("tiny-teacher")) as url:
        yield url


@pytest.fixture
def client(base_url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=base_url, api_key="none", max_retries=0) as connected:
        yield connected


def messages(question: str = QUESTIONS[0]) -> Any:
    return [{"role": "user", "content": question}]


def test_a_reply_thinks_inside_tags_and_then_answers(client: openai.OpenAI) -> None:
    reply = client.chat.completions.create(model=MODEL, messages=messages(), temperature=0)
    [choice] = reply.choices
    assert choice.finish_reason == "stop"
    assert (choice.message.content or "").startswith("<think>\n")
    assert "</think>\n\n" in (choice.message.content or "")
    assert reply.usage is not None
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens
    assert reply.usage.completion_tokens > 20
    assert reply.model == MODEL


def test_a_reply_is_asked_for_without_thinking_where_the_template_has_a_switch(
    client: openai.OpenAI, tmp_path: Path
) -> None:
    off = {"chat_template_kwargs": {"enable_thinking": False}}
    sizes = [
        client.chat.completions.create(model=MODEL, messages=messages(), max_tokens=1, extra_body=body).usage
        for body in ({}, off)
    ]
    assert sizes[0] is not None
    assert sizes[1] is not None
    block = len(TinyEngine(bundled("tiny-teacher")).encode(NO_THINKING))
    assert sizes[1].prompt_tokens == sizes[0].prompt_tokens + block
    with pytest.raises(openai.BadRequestError, match="unknown field `thinking`"):
        client.chat.completions.create(
            model=MODEL, messages=messages(), extra_body={"chat_template_kwargs": {"thinking": False}}
        )
    for file in bundled("tiny-teacher").iterdir():
        (tmp_path / file.name).symlink_to(file)
    (tmp_path / "chat_template.jinja").unlink()
    (tmp_path / "chat_template.jinja").write_text(PLAIN_TEMPLATE)
    with serve(tmp_path) as url, openai.OpenAI(base_url=url, api_key="none", max_retries=0) as other:
        assert other.chat.completions.create(model=MODEL, messages=messages(), max_tokens=1).choices
        with pytest.raises(openai.BadRequestError, match="has no switch for thinking"):
            other.chat.completions.create(model=MODEL, messages=messages(), max_tokens=1, extra_body=off)


def test_a_stream_carries_the_same_text_as_a_whole_reply(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model=MODEL, messages=messages(), seed=3, n=2)
    chunks = list(
        client.chat.completions.create(
            model=MODEL, messages=messages(), seed=3, n=2, stream=True, stream_options={"include_usage": True}
        )
    )
    texts, reasons = ["", ""], ["", ""]
    for choice in (choice for chunk in chunks for choice in chunk.choices):
        texts[choice.index] += choice.delta.content or ""
        reasons[choice.index] = choice.finish_reason or reasons[choice.index]
    assert texts == [choice.message.content for choice in whole.choices]
    assert reasons == [choice.finish_reason for choice in whole.choices]
    assert len(chunks) > 20
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage


def test_a_stream_without_usage_has_none_and_ends_with_done(base_url: str) -> None:
    body = {"model": MODEL, "messages": messages(), "stream": True, "max_tokens": 3}
    events = post(base_url, body)[1].decode().strip().split("\n\n")
    assert events[-1] == "data: [DONE]"
    assert all("usage" not in json.loads(event.removeprefix("data: ")) for event in events[:-1])


@pytest.mark.slow
def test_a_seed_gives_its_reply_in_any_company(base_url: str) -> None:
    async def sample_all(concurrency: int) -> list[str]:
        limit = asyncio.Semaphore(concurrency)
        async with openai.AsyncOpenAI(base_url=base_url, api_key="none", max_retries=0) as client:

            async def sample(seed: int, question: str) -> str:
                async with limit:
                    reply = await client.chat.completions.create(model=MODEL, messages=messages(question), seed=seed)
                return reply.choices[0].message.content or ""

            return await asyncio.gather(*(sample(seed, question) for seed, question in enumerate(QUESTIONS)))

    crowded = asyncio.run(sample_all(48))
    assert asyncio.run(sample_all(3)) == crowded
    assert asyncio.run(sample_all(1)) == crowded


def test_choices_differ_and_the_first_is_what_a_single_one_would_be(client: openai.OpenAI) -> None:
    many = client.chat.completions.create(model=MODEL, messages=messages(), seed=11, n=8, temperature=1.5)
    one = client.chat.completions.create(model=MODEL, messages=messages(), seed=11, temperature=1.5)
    texts = [choice.message.content for choice in many.choices]
    assert texts[0] == one.choices[0].message.content
    assert len(set(texts)) > 4


def test_without_a_seed_replies_differ_and_a_negative_seed_counts(client: openai.OpenAI) -> None:
    def sample(seed: int | None) -> str | None:
        reply = client.chat.completions.create(model=MODEL, messages=messages(), temperature=1.5, seed=seed)
        return reply.choices[0].message.content

    assert len({sample(None) for _ in range(8)}) > 1
    assert sample(-5) == sample(-5) != sample(5)


def test_a_stop_text_and_a_token_limit_end_a_reply(client: openai.OpenAI) -> None:
    def sample(**options: Any) -> tuple[str | None, str]:
        reply = client.chat.completions.create(model=MODEL, messages=messages(), temperature=0, **options)
        return reply.choices[0].message.content, reply.choices[0].finish_reason

    assert sample(stop="\n") == ("<think>", "stop")
    assert sample(stop=["nowhere", "think"]) == ("<", "stop")
    assert sample(max_tokens=1) == ("<think>", "length")
    assert sample(max_completion_tokens=2) == ("<think>\n", "length")
    assert sample(max_tokens=16384)[1] == "stop"


def test_content_in_parts_is_read_like_one_text(client: openai.OpenAI) -> None:
    parts: Any = [{"role": "user", "content": [{"type": "text", "text": part} for part in QUESTIONS[0].split("s")]}]
    joined = client.chat.completions.create(model=MODEL, messages=parts, temperature=0)
    plain = client.chat.completions.create(model=MODEL, messages=messages(QUESTIONS[0].replace("s", "")), temperature=0)
    assert joined.choices[0].message.content == plain.choices[0].message.content


def test_the_model_list_names_the_one_model(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == [MODEL]
    assert client.models.retrieve(MODEL).id == MODEL


def post(base_url: str, body: Any, path: str = "/chat/completions") -> tuple[int, bytes]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(base_url + path, data), timeout=30) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


@pytest.mark.parametrize(
    ("change", "param", "words"),
    [
        ({"temperature": 2.5}, "temperature", "<= 2.0"),
        ({"temperature": "hot"}, "temperature", "got `str`"),
        ({"top_p": 0}, "top_p", "> 0"),
        ({"n": 0}, "n", ">= 1"),
        ({"max_tokens": 0}, "max_tokens", ">= 1"),
        ({"seed": 1.5}, "seed", "int"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop", "<= 4"),
        ({"stop": ""}, "stop", ">= 1"),
        ({"messages": []}, "messages", ">= 1"),
        ({"messages": None}, "messages", "got `null`"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "messages[0].role", "wizard"),
        ({"messages": [{"role": "user", "content": None}]}, "messages[0].content", "null"),
        ({"logprobs": True}, "logprobs", "unknown field"),
        ({"stream_options": {"include_usage": True}}, "stream_options", "stream: true"),
    ],
    ids=str,
)
def test_a_request_that_cannot_be_served_is_told_what_is_wrong(
    base_url: str, change: dict[str, Any], param: str, words: str
) -> None:
    status, body = post(base_url, {"model": MODEL, "messages": messages()} | change)
    error = json.loads(body)["error"]
    assert (status, error["param"], error["type"]) == (400, param, "invalid_request_error")
    assert words in error["message"]


def test_an_unknown_model_is_not_found(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="this server has 'tiny-teacher'") as refused:
        client.chat.completions.create(model="gpt-5", messages=messages())
    assert (refused.value.code, refused.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-5")


def test_messages_longer_than_the_context_are_refused_with_both_lengths(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match=r"512 tokens; the messages alone are 1\d\d\d tokens") as refused:
        client.chat.completions.create(model=MODEL, messages=messages("7 " * 600))
    assert refused.value.code == "context_length_exceeded"


@pytest.mark.parametrize(
    ("body", "path", "status", "words"),
    [
        (b"{", "/chat/completions", 400, "not JSON"),
        (b'{"model": "\xff"}', "/chat/completions", 400, ""),
        (b"[]", "/chat/completions", 400, "Expected `object`"),
        (b"{}", "/completions", 404, "POST /v1/completions"),
        (b"{}", "/models", 405, "POST /v1/models"),
        (b" " * 2**21, "/chat/completions", 413, "Large"),
    ],
    ids=["half JSON", "not UTF-8", "a list", "unknown path", "wrong method", "huge"],
)
def test_what_is_no_chat_request_at_all_gets_an_error_body_too(
    base_url: str, body: bytes, path: str, status: int, words: str
) -> None:
    got, answer = post(base_url, body, path)
    assert got == status
    assert words in json.loads(answer)["error"]["message"]


def test_lone_surrogates_in_a_question_do_no_harm(base_url: str) -> None:
    body = b'{"model": "tiny-teacher", "max_tokens": 2, "messages": [{"role": "user", "content": "\\ud800 7"}]}'
    assert post(base_url, body)[0] in {200, 400}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_client_that_goes_away_frees_its_slots(*, stream: bool) -> None:
    asked: list[Generated] = []
    started, ended = asyncio.Event(), asyncio.Event()

    class Watched(TinyEngine):
        def submit(self, reply: Generated) -> None:
            asked.append(reply)
            super().submit(reply)

        def advance(self) -> None:
            super().advance()
            started.set()
            if not self.is_busy:
                ended.set()

    async def leave(api: Api) -> None:
        driver = asyncio.create_task(api.drive())
        async with api.listen(0) as base_url, aiohttp.ClientSession() as session:
            body = {"model": MODEL, "messages": messages(), "n": 128, "temperature": 2, "stream": stream}
            request = asyncio.create_task(session.post(f"{base_url}/chat/completions", json=body))
            await asyncio.wait_for(started.wait(), 30)
            if stream:
                (await request).close()
            else:
                request.cancel()
            await asyncio.wait_for(ended.wait(), 30)
        driver.cancel()

    asyncio.run(leave(Api(Watched(bundled("tiny-teacher")), MODEL)))
    assert len(asked) == 128
    assert sum(reply.finish_reason == "cancelled" for reply in asked) > 100


def test_several_servers_run_side_by_side_and_end_with_their_blocks() -> None:
    folder = bundled("tiny-teacher")
    with serve(folder) as one, serve(folder) as other:
        assert one != other
        assert {post(url, {})[0] for url in (one, other)} == {400}
    for url in (one, other):
        with pytest.raises(urllib.error.URLError):
            post(url, {})


def test_servers_can_be_started_from_threads() -> None:
    def ask(_: int) -> int:
        with serve(bundled("tiny-teacher")) as base_url:
            return post(base_url, {"model": MODEL, "messages": messages(), "max_tokens": 3})[0]

    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(ask, range(3))) == [200, 200, 200]


def is_gone(base_url: str) -> bool:
    """Whether the server stops answering within ten seconds."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            post(base_url, {})
        except OSError:
            return True
        time.sleep(0.05)
    return False


PARENT = """
import sys, time
from pathlib import Path
from overproof.tiny.server import serve
with serve(Path(sys.argv[1])) as base_url:
    print(base_url, flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda end: end.name)
def test_the_server_dies_with_its_parent(end: signal.Signals) -> None:
    home = str(Path(server.__file__).parents[2])
    command = [sys.executable, "-c", PARENT, str(bundled("tiny-teacher"))]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=os.environ | {"PYTHONPATH": home}
    ) as parent:
        assert parent.stdout is not None
        base_url = parent.stdout.readline().decode().strip()
        assert post(base_url, {})[0] == 400
        parent.send_signal(end)
        parent.wait(10)
    assert is_gone(base_url)


def test_a_folder_that_is_no_model_is_named_before_anything_is_asked(tmp_path: Path) -> None:
    with pytest.raises(EndpointError, match=r"lacks model\.onnx"), serve(tmp_path):
        pass


def test_without_onnxruntime_the_line_that_installs_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "onnxruntime" else find_spec(name))
    with pytest.raises(MissingExtraError, match=r"The tiny teacher .*pip install .*\[demo\]"), serve(Path("nowhere")):
        pass
