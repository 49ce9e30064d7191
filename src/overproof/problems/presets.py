"""Known schemas of problem sets, as data: which columns to read and how a reference is found in them.

A column given as several names is the first of them that a row has, because the same set is kept under different
names in different places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from overproof.braces import close_brace
from overproof.errors import ConfigError, suggest
from overproof.rows.columns import Columns


@dataclass(frozen=True, slots=True)
class Preset:
    """How one known schema is read. Columns set in the config take the place of these."""

    question: Columns = "question"
    reference: Columns | None = "reference"
    """None for general data, whose answers are not to be graded against."""
    id: Columns = "id"
    source: Columns = "source"
    level: Columns = "level"
    dataset: str | None = None
    name: str | None = None
    split: str | None = None
    source_name: str = ""
    """What `source` says where there is no such column."""
    extract: Callable[[str], str | None] | None = None
    """Finds the answer within the reference column; None where it holds none."""
    append: Columns | None = None
    """A column whose text, or list of lines, follows the question on new lines where there is any."""
    follow: tuple[str, ...] = ()
    """Columns that all follow the question, in this order, in place of `append`."""
    under: str | None = None
    """Key of a JSON file that holds the rows."""
    licence: str | None = None
    """As its maintainers state it; to be checked at the source before anything is published. None: they state none."""
    about: str = ""
    """What the set is, in a few words."""

    @property
    def terms(self) -> str:
        """The licence, or in words why none is given."""
        return self.licence or ("not stated" if self.dataset is not None else "that of your file")

    @property
    def answer_place(self) -> str:
        """Where the answer stands, in words."""
        if self.reference is None:
            return "no reference"
        column = self.reference if isinstance(self.reference, str) else self.reference[0]
        within = next((f", {name}" for name, how in _PLACES.items() if how is self.extract), "")
        return f"{column}{within}"


def after_hashes(solution: str) -> str | None:
    """The answer of a GSM8K solution: what follows its last `####`."""
    _, found, answer = solution.rpartition("####")
    return answer.strip() if found else None


def last_boxed(solution: str) -> str | None:
    r"""The content of the last `\boxed{…}` (or `\fbox{…}`) of a solution, braces balanced; MATH keeps answers there."""
    start = max(solution.rfind("\\boxed"), solution.rfind("\\fbox"))
    if start < 0:
        return None
    opened = solution.find("{", start, start + len("\\boxed {"))
    if opened >= 0:
        closed = close_brace(solution, opened)
        return None if closed is None else solution[opened + 1 : closed].strip() or None
    bare = solution[start:].removeprefix("\\boxed").removeprefix("\\fbox").split()
    return bare[0].strip("$.") if bare else None


_LETTERS = 26
_NO_ANSWER = frozenset({"proof", "notfound", "not found"})


def unless_none(answer: str) -> str | None:
    """The answer, unless it is one of the words that stand for having none (`proof`, `notfound`)."""
    return None if answer.strip().lower() in _NO_ANSWER else answer


def box_or_all(solution: str) -> str:
    """The content of the last box of a solution; the whole of it where it is the answer itself."""
    return last_boxed(solution) or solution


def letter_at(place: str) -> str | None:
    """The letter of the option at a place counted from 0; None for what is no place."""
    return chr(ord("A") + int(place)) if place.strip().isdecimal() and int(place) < _LETTERS else None


EXTRACTORS: dict[str, Callable[[str], str | None]] = {"boxed": last_boxed, "hashes": after_hashes, "index": letter_at}
"""Ways to find the answer in a reference column, as configs name them."""

_PLACES = {"in \\boxed{}": last_boxed, "after ####": after_hashes, "in \\boxed{} or all of it": box_or_all}

PRESETS: dict[str, Preset] = {
    "gsm8k": Preset(
        reference="answer",
        dataset="openai/gsm8k",
        name="main",
        source_name="gsm8k",
        extract=after_hashes,
        licence="MIT",
        about="grade-school word problems; splits train and test",
    ),
    "math": Preset(
        question="problem",
        reference="solution",
        id="unique_id",
        source="type",
        dataset="EleutherAI/hendrycks_math",
        source_name="math",
        extract=last_boxed,
        licence="MIT",
        about="competition problems; set name to a subject such as algebra",
    ),
    "math500": Preset(
        question="problem",
        reference="answer",
        id="unique_id",
        source="subject",
        dataset="HuggingFaceH4/MATH-500",
        split="test",
        source_name="math500",
        licence="MIT",
        about="500 test problems of MATH: a benchmark",
    ),
    "aime24": Preset(
        question=("problem", "Problem", "question"),
        reference=("answer", "Answer"),
        id=("id", "ID"),
        dataset="HuggingFaceH4/aime_2024",
        source_name="aime24",
        about="AIME 2024: a benchmark",
    ),
    "aime25": Preset(
        question=("problem", "question"),
        reference="answer",
        dataset="math-ai/aime25",
        split="test",
        source_name="aime25",
        licence="Apache-2.0",
        about="AIME 2025: a benchmark",
    ),
    "amc23": Preset(
        question=("question", "problem"),
        reference="answer",
        dataset="math-ai/amc23",
        split="test",
        source_name="amc23",
        about="AMC 12 of 2023: a benchmark",
    ),
    "aime": Preset(
        question=("problem", "Problem", "question", "Question"),
        reference=("answer", "Answer"),
        id=("id", "ID"),
        dataset="HuggingFaceH4/aime_2024",
        source_name="aime",
        about="any AIME file, whatever its columns are called",
    ),
    "numina": Preset(
        question="problem",
        reference="solution",
        dataset="AI-MO/NuminaMath-CoT",
        source_name="numina_math_cot",
        extract=last_boxed,
        licence="Apache-2.0",
        about="860,000 problems with written solutions",
    ),
    "numina1.5": Preset(
        question="problem",
        reference="answer",
        dataset="AI-MO/NuminaMath-1.5",
        source_name="numina_math_1_5",
        extract=unless_none,
        licence="Apache-2.0",
        about="900,000 competition problems; proofs have no answer",
    ),
    "openr1": Preset(
        question="problem",
        reference="answer",
        id="uuid",
        dataset="open-r1/OpenR1-Math-220k",
        source_name="openr1_math",
        extract=unless_none,
        licence="Apache-2.0",
        about="NuminaMath 1.5 with traces of DeepSeek-R1",
    ),
    "dapo17k": Preset(
        question="prompt",
        reference=("solution", "reward_model.ground_truth"),
        id="extra_info.index",
        source="data_source",
        dataset="open-r1/DAPO-Math-17k-Processed",
        name="all",
        source_name="dapo17k",
        licence="Apache-2.0",
        about="17,000 problems with integer answers; configurations all, en, cn",
    ),
    "verl": Preset(
        question=("prompt", "extra_info.question"),
        reference=("reward_model.ground_truth", "extra_info.answer"),
        source="data_source",
        source_name="verl",
        about="any file made for verl: prompt as a chat, reward_model.ground_truth",
    ),
    "deepscaler": Preset(
        question="problem",
        reference="answer",
        dataset="agentica-org/DeepScaleR-Preview-Dataset",
        source_name="deepscaler",
        licence="MIT",
        about="40,000 problems of AIME, AMC, Omni-MATH and STILL",
    ),
    "orz": Preset(
        question="0.value",
        reference="1.ground_truth.value",
        dataset="Open-Reasoner-Zero/orz_math_57k_collection",
        source_name="orz",
        licence="MIT",
        about="57,000 problems of Open-Reasoner-Zero",
    ),
    "bigmath": Preset(
        question="problem",
        reference="answer",
        dataset="SynthLabsAI/Big-Math-RL-Verified",
        source_name="bigmath",
        licence="Apache-2.0",
        about="250,000 problems; its terms are to be accepted on the Hub",
    ),
    "deepmath": Preset(
        reference="final_answer",
        source="topic",
        level="difficulty",
        dataset="zwhe99/DeepMath-103K",
        source_name="deepmath",
        licence="MIT",
        about="103,000 hard problems, decontaminated, with three traces of DeepSeek-R1",
    ),
    "openmathreasoning": Preset(
        question="problem",
        reference="expected_answer",
        source="problem_source",
        dataset="nvidia/OpenMathReasoning",
        split="cot",
        source_name="openmathreasoning",
        licence="CC-BY-4.0",
        about="306,000 problems with traces of DeepSeek-R1 and QwQ; a problem stands in several rows",
    ),
    "omnimath": Preset(
        question="problem",
        reference="answer",
        source="source",
        level="difficulty",
        dataset="KbsdJames/Omni-MATH",
        split="test",
        source_name="omnimath",
        licence="Apache-2.0",
        about="4,428 olympiad problems: a benchmark",
    ),
    "olympiadbench": Preset(
        reference="final_answer",
        source="subfield",
        dataset="Hothan/OlympiadBench",
        name="OE_TO_maths_en_COMP",
        source_name="olympiadbench",
        licence="Apache-2.0",
        about="olympiad problems, English and Chinese; other configurations such as OE_TO_maths_zh_CEE",
    ),
    "limo": Preset(
        reference="answer",
        dataset="GAIR/LIMO",
        source_name="limo",
        licence="Apache-2.0",
        about="817 problems with long solutions",
    ),
    "s1": Preset(
        reference="solution",
        source="source_type",
        dataset="simplescaling/s1K-1.1",
        source_name="s1",
        extract=box_or_all,
        licence="MIT",
        about="1,000 problems with traces of DeepSeek-R1 and Gemini",
    ),
    "mgsm": Preset(
        reference=("answer_number", "answer"),
        dataset="juletxara/mgsm",
        source_name="mgsm",
        licence="CC-BY-SA-4.0",
        about="250 GSM8K problems in eleven languages; set name to a language",
    ),
    "cmath": Preset(
        reference="golden",
        level="grade",
        dataset="weitianwen/cmath",
        split="validation",
        source_name="cmath",
        licence="CC-BY-4.0",
        about="Chinese primary-school problems",
    ),
    "math23k": Preset(
        question=("original_text", "original_question", "question"),
        reference=("answer", "ans"),
        dataset="Gxg/Math23K",
        source_name="math23k",
        about="23,000 Chinese primary-school word problems",
    ),
    "gaokao": Preset(
        question=("question", "query"),
        reference=("label", "answer", "gold"),
        append=("options", "choices"),
        source_name="gaokao",
        licence="MIT",
        about="gaokao problems as AGIEval keeps them, choices and gaps",
    ),
    "gaokao_bench": Preset(
        reference=("answer", "standard_answer"),
        id="index",
        level="year",
        source="category",
        under="example",
        licence="Apache-2.0",
        about="gaokao problems as GAOKAO-Bench keeps them",
    ),
    "gaokao2023_en": Preset(
        reference=("final_answer", "answer"),
        source_name="gaokao2023_en",
        about="gaokao problems of 2023 in English",
    ),
    "tal": Preset(
        question=("problem", "question"),
        reference=("answer_value", "answer"),
        id=("queId", "qid"),
        level="difficulty",
        append="answer_option_list",
        dataset="math-eval/TAL-SCQ5K",
        source_name="tal",
        licence="MIT",
        about="10,000 multiple-choice problems, English and Chinese",
    ),
    "alpaca_zh": Preset(
        question="instruction",
        reference=None,
        dataset="llm-wizard/alpaca-gpt4-data-zh",
        source_name="alpaca_zh",
        append="input",
        licence="CC-BY-4.0",
        about="general instructions in Chinese",
    ),
    "110k": Preset(
        question="input",
        reference=None,
        source="repo_name",
        dataset="Congliu/Chinese-DeepSeek-R1-Distill-data-110k",
        source_name="r1_distill_110k",
        licence="Apache-2.0",
        about="110,000 Chinese questions with traces of DeepSeek-R1",
    ),
}
"""Known schemas by the name that configs give."""

ALIASES = {
    "numina_math_cot": "numina",
    "numina_math_1_5": "numina1.5",
    "openr1_math": "openr1",
    "gaokao_agieval": "gaokao",
    "r1_distill_110k": "110k",
}
"""Names that older configs use."""


def preset_named(name: str) -> Preset | None:
    """The preset of a name, or of an older one; None where there is none."""
    return PRESETS.get(ALIASES.get(name, name))


def describe_preset(name: str) -> Iterator[str]:
    """All that a preset sets, a line each. Raises ConfigError where there is none of that name."""
    preset = preset_named(name)
    if preset is None:
        near = suggest(name, ["procedural", *PRESETS])
        raise ConfigError(f"there is no preset '{name}'.{near or ' `overproof presets` lists them'}")
    yield f"{name}: {preset.about}"
    yield f"    dataset    {preset.dataset or 'none: give problems.path'}"
    for key in ("name", "split", "question", "reference", "id", "source", "level", "append"):
        value = getattr(preset, key)
        if value:
            yield f"    {key:<10} {value if isinstance(value, str) else ' or '.join(value)}"
    yield f"    answer     {preset.answer_place}"
    yield f"    licence    {preset.terms}"
