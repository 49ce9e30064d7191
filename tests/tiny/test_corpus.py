"""The corpus: clean replies prove their references, and each flaw occurs about as often as it is asked for."""

import hashlib
import itertools
import operator
import re
from collections.abc import Callable
from fractions import Fraction

import pytest

from overproof.prompts import BOXED_DIRECTIVE, R1_ZERO_SYSTEM, build_messages
from overproof.tiny.accuracy import is_correct, last_box
from overproof.tiny.corpus import CLEAN, PROMPT_FORMS, STUDENT_NOISE, TEACHER_NOISE, Noise, write_corpus, write_reply
from overproof.tiny.dice import Dice
from overproof.tiny.drafts import LANGUAGES, Draft, Language
from overproof.tiny.kinds import FAMILIES

CALCULATE: dict[str, Callable[[Fraction, Fraction], Fraction]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
NUMBER = r"\(?(-?[\d./]+)\)?"
SUM = re.compile(rf"{NUMBER} ([-+*/]) {NUMBER}(?= = )")


def drafts(family: str, language: Language, count: int) -> list[Draft]:
    dice = Dice("test", family, language)
    return [FAMILIES[family](dice, language) for _ in range(count)]


@pytest.mark.parametrize("contract", ["think_boxed", "think_answer"])
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("family", FAMILIES)
def test_a_clean_reply_concludes_its_reference_by_right_steps(family: str, language: Language, contract: str) -> None:
    dice = Dice("replies")
    for draft in drafts(family, language, 100):
        reply = write_reply(draft, language, dice, CLEAN, contract=contract)
        assert is_correct(reply, draft.reference)
        lines = reply.partition("</think>")[0].splitlines()[1:]
        assert len(lines) == len(draft.steps)
        for line in lines:
            result = Fraction(line.rpartition(" = ")[2].rstrip(".。"))
            sums = SUM.findall(line)
            assert sums, line
            for left, sign, right in sums:
                assert CALCULATE[sign](Fraction(left), Fraction(right)) == result, line


def test_every_reply_keeps_the_form_that_its_prompt_asks_for() -> None:
    boxed = re.compile(r"<think>\n(.+\n)+</think>\n\n.*\\boxed\{.+\}[.。]", re.NOFLAG)
    answered = re.compile(r"<think>\n(.+\n)+</think>\n\n<answer>\\boxed\{.+\}</answer>")
    for messages, reply in itertools.islice(write_corpus(CLEAN, seed=2), 2000):
        asks_for_tags = messages[0].content in R1_ZERO_SYSTEM.values()
        assert (answered if asks_for_tags else boxed).fullmatch(reply), reply


def test_every_prompt_form_of_the_package_is_learned_in_both_languages() -> None:
    seen = {tuple(messages) for messages, _ in itertools.islice(write_corpus(CLEAN, seed=2), 5000)}
    shapes = {(len(messages), messages[0].content if len(messages) == 2 else "") for messages in seen}
    assert {(2, text) for text in (*R1_ZERO_SYSTEM.values(), *BOXED_DIRECTIVE.values())} <= shapes
    for language in LANGUAGES:
        directive = build_messages("", template="boxed", language=language)[0].content
        spoken = {
            "zh" if max(m[0].content[: -len(directive)]) >= "\u4e00" else "en"
            for m in seen
            if m[0].content.endswith(directive)
        }
        assert spoken == {"en", "zh"}
    assert set(PROMPT_FORMS) >= {"plain", "boxed_en", "boxed_zh", "r1_zero_en", "r1_zero_zh"}


def test_the_corpus_is_the_same_on_every_machine() -> None:
    examples = itertools.islice(write_corpus(TEACHER_NOISE, seed=0), 1000)
    text = "\n".join(f"{messages} {reply}" for messages, reply in examples)
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == "f0597319502cfbdd"


@pytest.mark.parametrize("noise", [TEACHER_NOISE, STUDENT_NOISE], ids=["teacher", "student"])
def test_each_flaw_occurs_about_as_often_as_it_is_asked_for(noise: Noise) -> None:
    dice = Dice("noise")
    families = list(FAMILIES.values())
    drafts = [dice.choose(families)(dice, "en") for _ in range(4000)]
    flawed = [write_reply(draft, "en", dice, noise, contract="think_boxed") for draft in drafts]
    slipped = [write_reply(draft, "en", dice, Noise(wrong=noise.wrong), contract="think_boxed") for draft in drafts]
    wrong = sum(not is_correct(reply, draft.reference) for draft, reply in zip(drafts, slipped, strict=True))
    assert wrong / 4 == pytest.approx(noise.wrong, rel=0.3)
    assert sum(last_box(reply) is None for reply in flawed) / 4 == pytest.approx(noise.unboxed, rel=0.3)
    assert sum("</think>" not in reply for reply in flawed) / 4 == pytest.approx(noise.unclosed, rel=0.3)
    assert sum("。" in reply for reply in flawed) / 4 == pytest.approx(noise.mixed, rel=0.3)
    assert sum("Wait" in reply for reply in flawed) / 4 == pytest.approx(noise.looping, rel=0.5)


def test_a_slip_carries_through_to_the_answer() -> None:
    draft = FAMILIES["shopping"](Dice(5), "en")
    carried = [write_reply(draft, "en", Dice(seed), Noise(wrong=1000), contract="think_boxed") for seed in range(50)]
    for reply in carried:
        assert last_box(reply) == reply.partition("</think>")[0].rstrip().rpartition(" = ")[2].rstrip(".")
        assert not is_correct(reply, draft.reference)
    assert len(set(carried)) > 20
