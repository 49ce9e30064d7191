"""The kinds of text that a language reward is fooled by, each with what is no such thing beside it."""

import json
from pathlib import Path
from typing import Any

import pytest

from overproof.language import consistency

CASES = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "cases" / "language_kinds.jsonl").read_text("utf-8").splitlines()
]
LEAST = 0.8
"""What the shipped configs require."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['kind']}: {case['why']}")
def test_a_text_is_told_for_what_it_is(case: dict[str, Any]) -> None:
    found = consistency(case["text"], case["target"])
    passes = found.score is None or found.score >= LEAST
    held = {
        "pass": passes,
        "fail": not passes,
        "not_pass": found.score is None or not passes,
        "none": found.score is None,
        "run": found.longest_foreign_run >= 4,
        "mixed": 0 < found.mixed_paragraphs < found.paragraphs,
        "whole": found.paragraphs > 0 and not found.mixed_paragraphs,
    }
    assert held[case["expect"]], found


STEPS = {
    "en": [
        "Step {n}: we multiply the two numbers that we have got before.",
        "Step {n}: then we subtract the first from the second of these.",
        "Step {n}: so this is what is left when we divide it by three.",
    ],
    "de": [
        "Schritt {n}: wir multiplizieren die beiden Zahlen, die wir vorher haben.",
        "Schritt {n}: dann ziehen wir die erste von der zweiten wieder ab.",
        "Schritt {n}: also ist das der Rest, wenn wir es durch drei teilen.",
    ],
    "fr": [
        "Étape {n} : nous multiplions les deux nombres que nous avons trouvés.",
        "Étape {n} : ensuite on soustrait le premier du second de ces nombres.",
        "Étape {n} : voici donc ce qui reste quand on le divise par trois.",
    ],
    "es": [
        "Paso {n}: multiplicamos los dos números que tenemos de antes.",
        "Paso {n}: luego restamos el primero del segundo de estos números.",
        "Paso {n}: entonces esto es lo que queda cuando se divide por tres.",
    ],
    "pt": [
        "Passo {n}: multiplicamos os dois números que já temos de antes.",
        "Passo {n}: depois subtraímos o primeiro do segundo desses números.",
        "Passo {n}: então isto é o que fica quando se divide por três.",
    ],
    "it": [
        "Passo {n}: moltiplichiamo i due numeri che abbiamo trovato prima.",
        "Passo {n}: poi sottraiamo il primo dal secondo di questi numeri.",
        "Passo {n}: quindi questo è quello che resta quando si divide per tre.",
    ],
    "ru": [
        "Шаг {n}: умножаем два числа, которые мы получили раньше.",
        "Шаг {n}: затем вычитаем первое из второго из этих чисел.",
        "Шаг {n}: значит, это то, что остаётся, когда мы делим на три.",
    ],
    "uk": [
        "Крок {n}: множимо два числа, які ми отримали раніше.",
        "Крок {n}: потім віднімаємо перше від другого з цих чисел.",
        "Крок {n}: отже, це те, що залишається, коли ми ділимо на три.",
    ],
    "zh": [
        "第{n}步：我们把前面得到的两个数相乘。",
        "第{n}步：然后从第二个数里减去第一个数。",
        "第{n}步：所以这就是除以三以后剩下的数。",
    ],
    "ja": [
        "手順{n}：前に求めた二つの数を掛け合わせます。",
        "手順{n}：次に二番目の数から一番目の数を引きます。",
        "手順{n}：したがって、これが三で割った残りです。",
    ],
    "ko": [
        "{n}단계: 앞에서 얻은 두 수를 서로 곱합니다.",
        "{n}단계: 그다음 두 번째 수에서 첫 번째 수를 뺍니다.",
        "{n}단계: 따라서 이것이 셋으로 나눈 나머지입니다.",
    ],
    "tr": [
        "Adım {n}: daha önce bulduğumuz iki sayı ile bu sayı çarpılır.",
        "Adım {n}: sonra ikinci sayı için birinci sayı çıkarılır ve kalan bulunur.",
        "Adım {n}: bu da üç ile bölünce kalan sayı olur ve cevap budur.",
    ],
}


@pytest.mark.parametrize("foreign", [0, 3, 6])
@pytest.mark.parametrize(("target", "other"), [*zip(STEPS, [*list(STEPS)[1:], "en"], strict=True)])
def test_the_share_of_steps_in_another_language_is_the_share_that_is_missing(
    target: str, other: str, foreign: int
) -> None:
    languages = [other if number % 4 * 3 < foreign else target for number in range(12)]
    steps = [STEPS[language][number % 3].format(n=number + 1) for number, language in enumerate(languages)]
    words = [sum(consistency(step, language).units.values()) for step, language in zip(steps, languages, strict=True)]
    own = sum(count for count, language in zip(words, languages, strict=True) if language == target)
    found = consistency("\n".join(steps), target)
    assert found.score == pytest.approx(own / sum(words), abs=0.05)


@pytest.mark.parametrize("target", ["zh", "ja", "ko", "ru", "uk"])
def test_sentences_set_like_headings_are_no_headings(target: str) -> None:
    both = [line for own, english in zip(STEPS[target], STEPS["en"], strict=True) for line in (own, own, english)]
    text = "\n".join(line.format(n=number) for number, line in enumerate(both))
    found = consistency(text, target)
    assert found.score is not None
    assert found.score < 0.8
    assert consistency("\n".join(["Step 1: Find the sum of all", *both[:2]]).replace("{n}", "2"), target).score == 1.0
