"""What a completion gives as its answer: explicit before implied, taken back when it says so."""

import pytest

from overproof.grading.choices import letters_of, parse_options
from overproof.grading.extraction import choose, extract


def answer(completion: str, *, letters: bool = False, parts: int = 1) -> str | None:
    found = choose(extract(completion), letters=letters, parts=parts)
    return None if found is None else found.text


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        (r"So $\boxed{8}$.", "8"),
        (r"$\boxed{8}$, no wait: $\boxed{9}$", "9"),
        (r"We get \boxed{8}, but this is wrong.", None),
        (r"\boxed{8}? No, it violates the bound. I cannot find the answer.", None),
        ("First try: \\boxed{8}.\n\n**Final Answer**\n\n9", "9"),
        (r"\boxed{8}. So the answer is consistent with 3 earlier checks.", "8"),
        (r"\boxed{\text{The answer is 31}}", "31"),
        (r"It loses $-\boxed{4}$ million euros.", "-4 million"),
        (r"<answer>\frac{3}{8}</answer>", r"\frac{3}{8}"),
        ("<answer>The answer is 12</answer>", "12"),
        ('{"work": "3*4", "answer": 12}', "12"),
        ('Here it is.\n```json\n{"answer": "x+1"}\n```', "x+1"),
        ("### Answer\n\n17", "17"),
        ("## 最终答案\n\n17", "17"),
        ("15-8=7（本）\n答：还剩7本。", "7本"),
        ("答：至少要买7本。", "至少要买7本"),
        ("The answer is at least $7$.", "at least $7$"),
        ("The answer is minus 7.", "minus 7"),
        ("The answer is 7 because 3 of them are odd.", "7"),
        ("The answer should be 7, not 8.", "7"),
        ("The answer is 3 euros and 20 cents.", "3 euros and 20 cents"),
        ("Therefore $y = 17$.", "y = 17"),
        ("So the sum is 17.", "17"),
        ("解得 $y=17$。", "y=17"),
        ("The answer is 17!", "17"),
        ("I saw 17 birds at first and then lost count.", None),
        ("If the answer is 4, then 5 is odd. I do not know.", None),
    ],
)
def test_an_answer_is_found_where_the_completion_gives_it(completion: str, expected: str | None) -> None:
    assert answer(completion) == expected


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        ("The answer is D. Options A and B are too large.", "D"),
        ("I choose option D. Option A is incorrect.", "D"),
        ("因此选D。选项A不正确。", "D"),
        ("排除A，B，故选D。", "D"),
        ("D\n\nExplanation: option A forgets the sign.", "D"),
        ("(D) nine. Option A would need ten.", "D"),
        ("Answer: this rules out A, leaving D", "D"),
        ("The correct options are B and D.", "BD"),
        ("ANSWER: A, B and D", "ABD"),
        ("Option Selected: D", "D"),
        ("應選 (D)", "D"),
        ("The answer is not D.", None),
        ("Options A and C are too small.", None),
        ("If option A were right, x would be 3.", None),
        ("Nothing fits: none of A, B, C and D is correct.", None),
    ],
)
def test_only_an_option_that_is_chosen_is_an_answer(completion: str, expected: str | None) -> None:
    found = answer(completion, letters=True)
    assert (None if found is None else letters_of(found)) == expected


def test_boxes_near_each_other_share_an_answer_where_several_values_are_asked_for() -> None:
    text = r"The legs are \boxed{3} for the short one and, for the long one, \boxed{4}."
    assert answer(text) == "4"
    assert answer(text, parts=2) == "3, 4"


def test_options_are_the_longest_run_and_may_pass_the_tenth_letter() -> None:
    statements = "A. is said in the text. Which holds?\n"
    listed = "\n".join(f"{letter}. item {number}" for number, letter in enumerate("ABCDEFGHIJKLMNOP"))
    options = parse_options(statements + listed)
    assert "".join(options) == "ABCDEFGHIJKLMNOP"
    assert options["P"] == "item 15"


@pytest.mark.parametrize("piece", ["$x$ ", "the answer is ", "选A ", "option B is ", "\\boxed{", "**A** ", "A. "])
def test_extraction_of_a_hundred_thousand_characters_finds_an_end(piece: str) -> None:
    list(extract(piece * (100_000 // len(piece))))
    parse_options(piece * (20_000 // len(piece)))


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"The answer is $\$36$.", r"$\$36$"),
        (r"\boxed{5}, not \boxed{6}", "5"),
        ("<|begin_of_box|>5<|end_of_box|> not <|begin_of_box|>6<|end_of_box|>", "5"),
        (r"答案是\boxed{5}，而不是\boxed{6}。", "5"),
    ],
)
def test_escaped_dollars_and_denied_boxes_are_told_from_others(text: str, answer: str) -> None:
    assert [candidate.text for candidate in extract(text)][:1] == [answer]


def test_a_box_that_alone_is_denied_gives_no_answer() -> None:
    assert list(extract(r"It is not \boxed{5}.")) == []
