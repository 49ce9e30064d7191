import pytest
from hypothesis import given
from hypothesis import strategies as st

from overproof.language import consistency, find_foreign

CASES = [
    ("en", "First we add. 然后我们计算剩下的苹果。 Then we stop.", [("zh", "然后我们计算剩下的苹果")]),
    (
        "zh",
        "首先我们计算。So the answer is the number of apples. 完成了。",
        [("en", "So the answer is the number of apples.")],
    ),
    ("zh", "然后 the total number of apples 是五个。", [("en", "the total number of apples")]),
    ("zh", "设函数 f 的值为 max 与 min。", []),
    ("en", "We look at $中文$ and `代码` only.", []),
    (
        "en",
        "The first line is in English.\nDonc nous avons trouvé la réponse finale.",
        [("fr", "Donc nous avons trouvé la réponse finale.")],
    ),
    (
        "fr",
        "Donc the aire est le produit des deux côtés, which nous donne vingt-huit.",
        [("en", "the"), ("en", "which")],
    ),
    ("en", "So sin x and sin y are what we want, and the sin of the sum of these is not zero.", []),
    ("en-GB", "All of this is in English, from the first word to the last.", []),
    ("en", "", []),
]


@pytest.mark.parametrize(("target", "text", "found"), CASES)
def test_stretches_in_other_languages_are_found(target: str, text: str, found: list[tuple[str, str]]) -> None:
    assert [(language, text[start:end]) for start, end, language in find_foreign(text, target)] == found


@given(st.text(alphabet="ab d.\n$\\[]{}()`中文あе。！ ", max_size=120), st.sampled_from(["en", "zh", "fr", "ja"]))
def test_stretches_stand_in_the_text_and_are_foreign(text: str, target: str) -> None:
    for start, end, language in find_foreign(text, target):
        assert 0 <= start < end <= len(text)
        assert text[start:end].strip()
        assert language != target


@pytest.mark.parametrize(("target", "text"), [(target, text) for target, text, _ in CASES])
def test_what_is_found_is_what_consistency_counts(target: str, text: str) -> None:
    foreign = {language for _, _, language in find_foreign(text, target)}
    assert foreign <= set(consistency(text, target).units)


def test_a_long_text_is_read_in_linear_time() -> None:
    assert find_foreign("中a" * 50_000, "en")
    assert find_foreign("the word is " * 50_000, "zh")
