import json
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from building import read_cases
from hypothesis import given
from hypothesis import strategies as st

from overproof.report.mathematics import LONGEST, find_formulas, to_mathml

CASES = read_cases("mathematics")
TOKENS = [
    *("\\frac", "\\sqrt", "{", "}", "^", "_", "&", "\\\\", "\\left", "\\right", "(", ")", "[", "]", "|", ".", "\\{"),
    *("\\begin{array}", "\\end{array}", "\\begin{aligned}", "\\end{aligned}", "\\begin", "\\end", "{cc}", "\\text"),
    *("\\boxed", "\\binom", "\\overset", "\\limits", "\\sum", "\\hspace", "{1cm}", "\\color", "\\over", "'", "$", "%"),
    *("<script>", "</math>", "<!--", "&lt;", "\\href", "\\operatorname", "\\middle", "\\not", "\\genfrac", "\\mathbf"),
    *("x", "1", " ", "\n", "中", "\\", "\ud800", "\ue000"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: json.dumps(case["latex"]))
def test_a_formula_is_shown_right_or_as_it_is_written(case: dict[str, Any]) -> None:
    made = to_mathml(case["latex"])
    if case["holds"] is None:
        assert made is None
    else:
        assert made is not None
        assert all(part in made for part in case["holds"]), made


@given(st.lists(st.sampled_from(TOKENS), max_size=16).map("".join) | st.text(max_size=40))
def test_whatever_a_model_writes_only_plain_mathematics_comes_out(latex: str) -> None:
    made = to_mathml(latex)
    if made is not None:
        tree = ET.fromstring(made)
        assert tree.tag == "math"
        for element in tree.iter():
            assert element.tag.startswith("m")
            assert set(element.attrib) <= {"class"} or not any(
                name.startswith("on") or name in {"href", "style", "src"} for name in element.attrib
            )
            assert "\\" not in (element.text or "")


@pytest.mark.parametrize("latex", ["{" * 5000 + "}" * 5000, "\\sqrt" * 1900, "\\left(" * 300, "x" * (LONGEST + 1)])
def test_a_formula_beyond_reason_is_left_as_it_is(latex: str) -> None:
    assert to_mathml(latex) is None


@pytest.mark.parametrize(
    ("text", "formulas"),
    [
        ("a $x^2$ b", ["x^2"]),
        ("it costs $5 and $7 in all", []),
        ("\\(a\\) and \\[b\\] and $$c$$", ["a", "b", "c"]),
        ("so \\boxed{\\frac{1}{2}}.", ["\\boxed{\\frac{1}{2}}"]),
        ("so $\\boxed{3}$ and \\boxed{4}", ["\\boxed{3}", "\\boxed{4}"]),
        ("\\begin{align*}a&=b\\\\c&=d\\end{align*}", ["\\begin{align*}a&=b\\\\c&=d\\end{align*}"]),
        ("\\begin{align}a", []),
        ("an escaped \\$5 and \\$6", []),
        ("$$ $ \\[ \\( \\boxed{", []),
    ],
)
def test_formulas_are_found_between_their_delimiters(text: str, formulas: list[str]) -> None:
    assert [formula.latex for formula in find_formulas(text)] == formulas


@given(
    st.lists(
        st.sampled_from(["$", "$$", "\\(", "\\)", "\\[", "\\]", "\\boxed{", "}", "x", " ", "\n", "5"]), max_size=40
    )
)
def test_formulas_stand_apart_and_in_order(parts: list[str]) -> None:
    text = "".join(parts)
    end = 0
    for formula in find_formulas(text):
        assert end <= formula.start < formula.end <= len(text)
        end = formula.end


@pytest.mark.parametrize("unit", ["$", "\\[", "\\(", "\\boxed{", "\\begin{align}", "$x", "\\[\\", "$$x$"])
def test_text_full_of_openings_is_read_in_linear_time(unit: str) -> None:
    formulas = list(find_formulas(unit * 20_000))  # quadratic time would not end here
    assert all(formula.end <= len(unit) * 20_000 for formula in formulas)
