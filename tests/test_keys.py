"""Keys come from the environment, and stand nowhere else: not in a config, not in an address, not in what is shown."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from overproof.config import parse_config
from overproof.errors import ConfigError
from overproof.keys import BLOT, blot_keys, blot_lookalikes, find_odd_character, is_variable, looks_like_key
from overproof.teacher import check_settings

KEY = "sk-NOBODYS-7f3a9c21d4"


@pytest.mark.parametrize(
    "text",
    [
        KEY,
        f"http://host/{KEY}/v1",
        "hf_" + "aB3" * 10,
        "gsk_" + "aB3" * 12,
        "AIza" + "aB3" * 12,
        "AKIAABCDEFGHIJKLMNOP",
        "Bearer abcdefgh12345678",
        "eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl",
        "0123456789abcdef0123456789abcdef.AbCdEfGhIjKlMnOp",
        "ms-01234567-89ab-cdef-0123-456789abcdef",
    ],
)
def test_a_key_is_known_by_its_looks_and_blotted_out(text: str) -> None:
    assert looks_like_key(text)
    assert BLOT in blot_lookalikes(f"the server said {text}, and no more")


@pytest.mark.parametrize(
    "text",
    [
        "qwen3-235b-a22b-thinking-2507",
        "https://gateway.example/v1/0123456789abcdef0123456789abcdef/openai",
        "accounts/fireworks/models/deepseek-r1-0528",
        "Solve the task-oriented problem: mask-rcnn-123456789012",
        "How many basic operations does it take?",
        "runs/2026-11-28-deepseek-r1-distill",
    ],
)
def test_what_only_is_long_is_no_key(text: str) -> None:
    assert not looks_like_key(text)


def test_a_key_is_blotted_out_wherever_it_stands_and_where_it_was_cut() -> None:
    assert blot_keys(f"a {KEY} b {KEY[:12]}", [KEY]) == f"a {BLOT} b {BLOT}"
    assert blot_keys("none of it", [KEY, "none"]) == "none of it"


@pytest.mark.parametrize(
    ("name", "is_one"),
    [("DASHSCOPE_API_KEY", True), ("my_key2", True), (KEY, False), ("0ab", False), ("", False), ("A B", False),
     ("9f86d081884c7d659a2feaa0c55ad015", False), ("a9f86d081884c7d659a2feaa0c55ad01", False)],
)  # fmt: skip
def test_the_name_of_a_variable_is_told_from_a_key(name: str, *, is_one: bool) -> None:
    assert is_variable(name) == is_one


@pytest.mark.parametrize(
    ("teacher", "named"),
    [
        ({"key_env": KEY}, "teacher.key_env"),
        ({"endpoints": [{"key_env": "sk"}, {"key_env": "a b"}]}, "teacher.endpoints.1.key_env"),
        ({"base_url": f"http://127.0.0.1:1/{KEY}/v1"}, "teacher.base_url"),
        ({"base_url": f"http://user:{KEY}@127.0.0.1:1/v1"}, "teacher.base_url"),
        ({"extra": {"api_key": "short"}}, "teacher.extra"),
        ({"extra": {"a": [{"Authorization": "x"}]}}, "a.0.Authorization"),
        ({"extra": {"top_k": KEY}}, "teacher.extra.top_k"),
        ({"extra": {"extra_headers": {"X-A": "b"}}}, "headers"),
        ({"headers": {"X-A": KEY}}, "teacher.headers.X-A"),
        ({"headers": {"Authorization": "MY_KEY"}}, "key_env"),
        ({"headers": {"X A": "MY_KEY"}}, "without spaces"),
        ({"model": f"m-{KEY}x", KEY: 1}, "Nothing was written"),
        ({"model": "the value of a variable"}, "teacher.model"),
    ],
)
def test_a_config_with_a_key_in_it_is_refused_without_repeating_it(
    teacher: dict[str, Any], named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "the value of a variable")
    tree = {"problems": {"path": "p.jsonl"}, "teacher": {"model": "m", **teacher}}
    with pytest.raises(ConfigError, match=named) as refused:
        parse_config(yaml.safe_load(yaml.safe_dump(tree)), "c.yaml")
    assert "NOBODYS" not in str(refused.value)
    assert "the value" not in str(refused.value)


@pytest.mark.parametrize("odd", ["sk-abc—123", "sk-abc\u200b123", "sk-abc１23", "sk abc123", "sk-abc\n123", "sk-ключ"])
def test_a_key_with_a_character_that_no_key_has_is_one_clear_line(odd: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", odd)
    teacher = {"model": "m", "base_url": "http://127.0.0.1:1/v1", "key_env": "SOME_API_KEY"}
    config = parse_config({"problems": {"path": "p.jsonl"}, "teacher": teacher}, "c.yaml")
    with pytest.raises(
        ConfigError, match=r"SOME_API_KEY holds a character that no key has \(U\+[0-9A-F]{4} at place"
    ) as refused:
        check_settings(config.teacher)
    assert odd not in str(refused.value)
    assert find_odd_character("sk-abc123") is None
