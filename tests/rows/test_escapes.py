"""LaTeX whose backslashes were lost or doubled is restored where nothing else can have been meant."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overproof.rows import Source, read_rows
from overproof.rows.escapes import DoubtfulError, mend_json, mend_latex

SINGLE = [
    (r"$\frac{1}{2}$", r"$\frac{1}{2}$"),
    (r"2 \times 3 \text{ cm}", r"2 \times 3 \text{ cm}"),
    (r"$\theta \neq \rho$ \right)", r"$\theta \neq \rho$ \right)"),
    (r"\begin{cases} x \\ y", None),
    (r"\binom{5}{2} and $\nu$ of \nabla", r"\binom{5}{2} and $\nu$ of \nabla"),
    (r"\sqrt{2} + \frac{1}{2} on \(x\)", r"\sqrt{2} + \frac{1}{2} on \(x\)"),
    (r"\underline{x} \alpha \to", r"\underline{x} \alpha " + "\to"),
    (r"$a \to b$", r"$a \to b$"),
    (r"don\'t", None),
    (r"\boxed{4}", r"\boxed{4}"),
    (r"\bfoo", None),
    (r"\frac{1}{2}\nu", None),
    (r"\newline then \natural and \nearrow", r"\newline then \natural and \nearrow"),
    (
        r"$a \rightsquigarrow b \trianglelefteq c \blacktriangle$",
        r"$a \rightsquigarrow b \trianglelefteq c \blacktriangle$",
    ),
    (r"$x \nless y$ \tfrac12", r"$x \nless y$ \tfrac12"),
    (r"\b{x}", None),
    (r"$2\timesx$", None),
    (r"$a\rfoo$", None),
]


def read_back(raw: str) -> str:
    text: str = json.loads(mend_json('"' + raw + '"').text, strict=False)
    return mend_latex(text).text


@pytest.mark.parametrize(("raw", "meant"), SINGLE)
def test_latex_with_one_backslash_in_json_is_what_was_meant_or_refused(raw: str, meant: str | None) -> None:
    if meant is None:
        with pytest.raises(DoubtfulError):
            read_back(raw)
    else:
        assert read_back(raw) == meant


@pytest.mark.parametrize(
    "text",
    [
        "line one\nnot a command",
        "a list:\n\tone\n\ttwo",
        "next page\x0cSolution",
        "line\nu is large",
        r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}",
        r"\frac{1}{2}",
        r"x \\ y",
        "$$\nu = 3\n$$",
        "an \nequal share",
        "no more or\nless than 3",
        "34/22\napprox 1.5",
        "lines that\nexists says are\nparallel or a\nsubset",
        "It costs $5 today,\nnot ever $6 as before",
        "\\[\nu^x - x \\ge 1\n\\]",
        "\\[\ne^x - x \\ge 1\n\\]",
        "$$\n\tx = 3\n$$",
    ],
)
def test_sound_text_is_left_alone(text: str) -> None:
    assert mend_latex(text) == (text, ())


@pytest.mark.parametrize(("text", "meant"), [("x \ne 3", r"x \ne 3"), ("\tan x", r"\tan x"), ("\nu", r"\nu")])
def test_a_text_that_is_all_mathematics_needs_no_dollar_signs(text: str, meant: str) -> None:
    assert mend_latex(text, is_formula=True).text == meant


def test_backslashes_doubled_once_too_often_are_halved_only_where_all_are() -> None:
    assert mend_latex(r"\\frac{1}{2} \\times \\\\ 3").text == r"\frac{1}{2} \times \\ 3"
    assert mend_latex(r"\\frac{1}{2} \times 3").commands == ()


def test_a_row_that_was_mended_says_by_which_commands(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text(r'{"q": "\sqrt{2}"}' + "\n" + r'{"q": "\frac12"}' + "\n")
    first, second = read_rows(Source(str(tmp_path / "x.jsonl")))
    assert (first.values["q"], first.mended) == (r"\sqrt{2}", (r"\sqrt",))
    assert mend_latex(second.values["q"]) == (r"\frac12", (r"\frac",))


@given(st.text(alphabet="\\\n\t\f\b$aefinortu {}1"))
def test_mending_ends_and_mending_again_changes_nothing(text: str) -> None:
    try:
        mended = mend_latex(text).text
        again = mend_latex(mended).text
    except DoubtfulError:
        return
    assert again == mended or "\\\\" in mended
