"""How fast the tiny teacher is: its network, its engine, and its HTTP server as a client sees it.

    python tests/bench/bench_tiny.py [FOLDER]

FOLDER is a model folder, by default the shipped teacher's. The network runs on one thread; give the client a core of
its own for the server's figure.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from pathlib import Path

import openai

from overproof.records import Message
from overproof.resources import bundled
from overproof.tiny.chat import render_prompt
from overproof.tiny.engine import Generated, Sampling, TinyEngine
from overproof.tiny.model import SLOTS, Network, is_repeatable
from overproof.tiny.problems import procedural_problems
from overproof.tiny.server import serve

ROUNDS = 5
STEPS = 100
ENGINE_TARGET = 15_000  # tokens a second, all slots, on one idle core
START_TARGET = 1.5  # seconds
QUESTIONS = [problem.question for problem in procedural_problems(400, seed=0, split="held_out")]


def main() -> None:
    """Print every figure beside its target."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else bundled("tiny-teacher")
    engine = TinyEngine(folder)
    print(f"{folder}: a batch of 1 equals every batch up to {SLOTS}: {is_repeatable(engine.network, [5] * 40)}")
    print("tokens/s, median and best of five rounds")
    for count in (1, 2, 4, 8, SLOTS):
        show(f"network alone, batch of {count}", [step_rate(engine.network, count) for _ in range(ROUNDS)])
    for top_p in (1.0, 0.95):
        name = f"engine, {SLOTS} slots, top_p {top_p}"
        show(name, [engine_rate(engine, top_p) for _ in range(ROUNDS)], target=ENGINE_TARGET)
    print_server(folder)


def show(name: str, rates: list[float], *, target: float | None = None) -> None:
    """One line: the figure, and its target if there is one."""
    line = f"  {name:34} {statistics.median(rates):8,.0f} {max(rates):8,.0f}"
    print(line if target is None else f"{line}   target {target:,.0f} on an idle core")


def step_rate(network: Network, count: int) -> float:
    """Tokens a second of bare steps of the first `count` slots, after prompts of 60 tokens."""
    for slot in range(count):
        network.read_prompt(slot, range(10, 70))
    start = time.perf_counter()
    for _ in range(STEPS):
        network.step([7] * count)
    return STEPS * count / (time.perf_counter() - start)


def engine_rate(engine: TinyEngine, top_p: float) -> float:
    """Tokens a second of whole replies, their prompts and choices included."""
    sampling = Sampling(top_p=top_p, max_tokens=320)
    prompts = [engine.encode(render_prompt([Message("user", question)])) for question in QUESTIONS]
    replies = [Generated(prompt, sampling, (0, number)) for number, prompt in enumerate(prompts)]
    start = time.perf_counter()
    for reply in replies:
        engine.submit(reply)
    while engine.is_busy:
        engine.advance()
    return sum(reply.completion_tokens for reply in replies) / (time.perf_counter() - start)


def print_server(folder: Path) -> None:
    """Start-up time, and requests through the OpenAI client at several concurrencies."""
    start = time.perf_counter()
    with serve(folder) as base_url:
        print(f"server ready after {time.perf_counter() - start:.2f} s   target {START_TARGET} s")
        print("requests/s and tokens/s through HTTP, OpenAI client in this process")
        for concurrency in (1, 16, 64):
            requests, tokens = asyncio.run(client_rate(base_url, concurrency))
            print(f"  concurrency {concurrency:3} {requests:22,.0f} {tokens:8,.0f}")


async def client_rate(base_url: str, concurrency: int) -> tuple[float, float]:
    """Requests and completion tokens a second, with so many requests in flight."""
    limit = asyncio.Semaphore(concurrency)
    async with openai.AsyncOpenAI(
        base_url=base_url, api_key="none", max_retries=0, http_client=openai.DefaultAioHttpClient()
    ) as client:
        [model] = [model.id async for model in client.models.list()]

        async def ask(seed: int, question: str) -> int:
            async with limit:
                reply = await client.chat.completions.create(
                    model=model, messages=[{"role": "user", "content": question}], seed=seed, max_tokens=320
                )
            return reply.usage.completion_tokens if reply.usage else 0

        start = time.perf_counter()
        tokens = await asyncio.gather(*(ask(seed, question) for seed, question in enumerate(QUESTIONS)))
        seconds = time.perf_counter() - start
    return len(QUESTIONS) / seconds, sum(tokens) / seconds


if __name__ == "__main__":
    main()
