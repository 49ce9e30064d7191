"""Numbers in Chinese characters, in either script, against the same numbers in digits."""

from fractions import Fraction

import pytest

from overproof.grading import grade
from overproof.records import Verdict

TRADITIONAL = str.maketrans("两万亿点负", "兩萬億點負")


def in_han(value: int) -> str:
    """A whole number below 10^8 as it is read."""
    if value >= 10_000:
        rest = value % 10_000
        return f"{in_han(value // 10_000)}万" + (
            "" if not rest else f"零{in_han(rest)}" if rest < 1000 else in_han(rest)
        )
    digits, out, gap = "零一二三四五六七八九", "", False
    for place, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = value // place % 10
        if digit:
            out += ("零" if gap and out else "") + digits[digit] + name
        gap = not digit
    return (out.removeprefix("一") if out.startswith("一十") else out) or "零"


def decimal_in_han(value: Fraction) -> str:
    whole, _, decimals = str(float(value)).partition(".")
    return f"{in_han(int(whole))}点{''.join('零一二三四五六七八九'[int(digit)] for digit in decimals)}"


WHOLE = [3, 10, 12, 20, 35, 101, 110, 125, 205, 999, 1000, 1005, 1030, 1234, 2000, 10_000, 20_500, 35_000, 120_001]
FRACTIONS = [(1, 2), (2, 3), (7, 10), (3, 20), (7, 100), (11, 12), (3, 1000), (9, 10_000), (10, 11), (100, 201)]
READINGS = [
    *((in_han(value), str(value)) for value in WHOLE),
    *((f"负{in_han(value)}", f"-{value}") for value in (5, 12, 101)),
    *((f"{in_han(bottom)}分之{in_han(top)}", rf"\frac{{{top}}}{{{bottom}}}") for top, bottom in FRACTIONS),
    *((f"{bottom}分之{top}", rf"\frac{{{top}}}{{{bottom}}}") for top, bottom in FRACTIONS),
    *((f"负{in_han(bottom)}分之{in_han(top)}", rf"-\frac{{{top}}}{{{bottom}}}") for top, bottom in FRACTIONS[:4]),
    *(
        (form.format(in_han(whole), in_han(bottom), in_han(top), whole, bottom, top), f"{whole} {top}/{bottom}")
        for whole, (top, bottom) in zip([1, 2, 12, 30], FRACTIONS, strict=False)
        for form in ("{0}又{1}分之{2}", "{3}又{4}分之{5}", "{0}又{4}分之{5}", "{3}又{5}/{4}")
    ),
    *((decimal_in_han(Fraction(value)), value) for value in ("0.5", "3.14", "12.05", "100.25")),
    *((f"百分之{in_han(value)}", rf"{value}\%") for value in (5, 10, 30, 75, 100, 120)),
    *((f"百分之{value}", rf"{value}\%") for value in ("5", "12.5", "120")),
    *((f"百分之{decimal_in_han(Fraction(value))}", rf"{value}\%") for value in ("0.5", "12.5")),
    ("千分之五", "0.005"), ("5‰", "千分之五"), ("百分之三十三又三分之一", r"\frac{1}{3}"),
    ("三成", r"30\%"), ("七成五", r"75\%"), ("3成", "0.3"), ("八折", r"80\%"), ("八五折", r"85\%"), ("85折", "0.85"),
    ("5个百分点", r"5\%"), ("一百五", "150"), ("两千五", "2500"), ("三万六", "36000"),
    ("3万5千", "35000"), ("1亿2000万", "120000000"), ("3.5万", "35000"), ("三点五万", "35000"), ("二〇二四", "2024"),
    ("二分之根号三", r"\frac{\sqrt{3}}{2}"), ("四分之π", r"\frac{\pi}{4}"), ("一半", r"\frac12"), ("壹佰贰拾", "120"),
    ("两个半小时", "150 min"), ("一小时半", "90 min"), ("半小时", "30 min"), ("三个半", "3.5"), ("十分之七米", "70 cm"),
    ("三元五角", "3.5元"), ("五分钟", "5 min"), ("十分钟", "10 min"), ("三分之二小时", "40 min"),
    ("三点半", "3:30"), ("三十九千克", "39 kg"), ("一千二百千米", "1200 km"), ("五千克", "5 kg"),
    ("一万五千克", "15 kg"),
    ("下午三点二十分", "3:20 pm"), ("十二点整", "12:00"), ("3点半", "3:30"),
]  # fmt: skip


@pytest.mark.parametrize("script", ["simplified", "traditional"])
def test_a_number_in_characters_is_the_number(script: str) -> None:
    written = {(han.translate(TRADITIONAL) if script == "traditional" else han): known for han, known in READINGS}
    wrong = [
        (han, known, grade(answer, reference, answer_only=True).reason)
        for han, known in written.items()
        for answer, reference in ((han, known), (known, han))
        if grade(answer, reference, answer_only=True).verdict is not Verdict.CORRECT
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("han", "other"),
    [("十分之七", r"\frac{10}{7}"), ("百分之七", "0.7"), ("一又三分之二", r"\frac{2}{3}"), ("三成", "3"),
     ("八折", r"20\%"), ("一百五", "105"), ("三万五", "30005"), ("两个半", "2"), ("十分", r"\frac{1}{10}"),
     ("一次函数", "1"), ("万一", "10000"), ("三角形", "3"), ("三点五分", "3.5"), ("一元二次方程", "1")],
)  # fmt: skip
def test_another_number_in_characters_is_another(han: str, other: str) -> None:
    assert grade(han, other, answer_only=True).verdict is not Verdict.CORRECT
