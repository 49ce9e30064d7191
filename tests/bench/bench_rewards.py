"""How well and how fast languages are told, beside langdetect and py3langid; and how fast all rewards are.

    python tests/bench/bench_rewards.py [MGSM.jsonl] [--speeds]

With `--speeds` only the speeds of this package are measured, in half a minute.
The file holds rows with `language` and `problem`; without an argument, the part of MGSM that lies beside the
repository. Speeds are per second of processor time on one core, each detector on the same text in the same run.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory
from langdetect.lang_detect_exception import LangDetectException
from msgspec.structs import replace
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from overproof.config.rewards import REWARDS, RewardsConfig
from overproof.language import Consistency, consistency, language_of
from overproof.language.latin import PLAUSIBLE
from overproof.language.prose import to_prose
from overproof.records import Problem, Trace, Usage
from overproof.rewards import score_trace

SHARED = Path(os.environ.get("OVERPROOF_SHARED", Path(__file__).parents[3] / "shared"))
THRESHOLD = 0.8
DOCUMENT = 20_000  # bytes
SHARES = (0.05, 0.1, 0.2, 0.4, 0.8)
HIDDEN_RUN = 4
SPEED_TARGET = 5.0
RARE_TARGET = 4.0
RARE = {
    "tr": "Bir dikdörtgenin kenarları yedi ve dört olsun. Bu durumda alanı iki kenarın çarpımına eşittir, yani yirmi "
    "sekiz eder. Sonucu bir kez daha kontrol edelim.",
    "id": "Sebuah persegi panjang memiliki sisi tujuh dan empat. Jadi luasnya adalah hasil kali kedua sisi, yaitu dua "
    "puluh delapan. Mari kita periksa hasil ini sekali lagi.",
    "sw": "Mstatili una pande saba na nne. Kwa hiyo eneo lake ni zao la pande hizo mbili, yaani ishirini na nane. "
    "Tuangalie tena matokeo haya kabla ya kuendelea.",
}
"""Languages that the words for the usual ones cannot tell."""
TWO_REWARDS_TARGET, ALL_REWARDS_TARGET = 12.0, 2.0
NAMING_TARGET = 14_000
TRACE = 8_000  # characters

Labelled = Sequence[tuple[str, str]]
"""(language, text)"""
Accepts = Callable[[str, str], bool | None]
"""(text, language) → is the text in that language; None when there is too little of it"""


def main() -> None:
    """Print every figure beside its target."""
    given = [argument for argument in sys.argv[1:] if argument != "--speeds"]
    path = Path(given[0]) if given else SHARED / "data" / "language" / "mgsm_dev.jsonl"
    if not path.is_file():
        sys.exit(f"There is no {path}. Give the path of a JSONL file with 'language' and 'problem'.")
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    problems = [(row["language"], row["problem"]) for row in rows]
    sentences = [(language, part) for language, text in problems for part in split_sentences(text)]
    if "--speeds" in sys.argv:
        print_speeds(problems, {})
        print_own_speeds()
        return
    detectors = build_detectors(sorted({language for language, _ in problems}))
    for name, items in (("problems", problems), ("sentences", sentences)):
        print_confusions(name, items, detectors)
    print_mixed_documents(sentences)
    print_hidden_sentences(sentences)
    print_speeds(problems, detectors)
    print_own_speeds()


def print_own_speeds() -> None:
    """What no other detector is measured on."""
    print_rare_speeds()
    print_naming_speed()
    print_reward_speed()


def split_sentences(text: str) -> Iterator[str]:
    """The sentences of a problem, cut without help from the code under test."""
    return (part for part in re.split(r"(?<=[.!?])\s+|(?<=[。！？])|\n+", text) if part.strip())


def build_detectors(languages: Sequence[str]) -> dict[str, Accepts]:
    """Ours and the two libraries, these on the same stripped prose; py3langid restricted to plausible languages."""
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    identifier.set_languages({*PLAUSIBLE, *languages})
    factory = DetectorFactory()
    factory.load_profile(PROFILES_DIRECTORY)
    factory.set_seed(0)

    def ours(text: str, language: str) -> bool | None:
        score = consistency(text, language).score
        return None if score is None else score >= THRESHOLD

    def by_langdetect(text: str, language: str) -> bool | None:
        detector = factory.create()
        detector.append(to_prose(text))
        try:
            return str(detector.detect()).startswith(language)
        except LangDetectException:
            return None

    def by_py3langid(text: str, language: str) -> bool | None:
        return bool(identifier.classify(to_prose(text))[0] == language)

    return {"overproof": ours, "py3langid": by_py3langid, "langdetect": by_langdetect}


def print_confusions(name: str, items: Labelled, detectors: dict[str, Accepts]) -> None:
    """Each detector's confusion: of the texts in a row's language, how many pass as the column's."""
    languages = sorted({language for language, _ in items})
    for detector, accepts in detectors.items():
        passed: dict[tuple[str, str], int] = defaultdict(int)
        measured: dict[str, int] = defaultdict(int)
        for truth, text in items:
            verdicts = {language: accepts(text, language) for language in languages}
            if verdicts[truth] is None:
                continue
            measured[truth] += 1
            for language, verdict in verdicts.items():
                passed[truth, language] += bool(verdict)
        total = sum(measured.values())
        rejected = sum(measured[language] - passed[language, language] for language in languages)
        accepted = sum(passed.values()) - sum(passed[language, language] for language in languages)
        print(f"\n{name}, {detector}: {total} measured, {len(items) - total} with too little text")
        print(f"  false rejects {rejected} of {total}, false accepts {accepted} of {total * (len(languages) - 1)}")
        print("  as     " + "".join(f"{language:>6}" for language in languages))
        for truth in languages:
            cells = "".join(f"{passed[truth, language] or '·':>6}" for language in languages)
            print(f"  {truth:<7}{cells}")


def print_mixed_documents(sentences: Labelled) -> None:
    """How far the measured share is from the true one when two languages are mixed sentence by sentence."""
    drawn = random.Random(0)
    by_language: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for language, text in sentences:
        units = count_units(consistency(text, language))
        if units >= 4:
            by_language[language].append((text, units))
    errors = []
    for (target, other), share in itertools.product(itertools.permutations(sorted(by_language), 2), SHARES):
        foreign = round(40 * share)
        parts = [(*pick, other) for pick in drawn.sample(by_language[other], foreign)]
        parts += [(*pick, target) for pick in drawn.sample(by_language[target], 40 - foreign)]
        drawn.shuffle(parts)
        truth = sum(units for _, units, language in parts if language == target) / sum(units for _, units, _ in parts)
        score = consistency(" ".join(text for text, _, _ in parts), target).score
        errors.append(abs((score if score is not None else 0.0) - truth))
    mean, most = sum(errors) / len(errors), max(errors)
    print(f"\nmixed documents ({len(errors)}): mean error {mean:.4f} (target .007), largest {most:.3f}")


def print_hidden_sentences(sentences: Labelled) -> None:
    """How often one foreign sentence among 40 shows as a foreign run, and how often there is a run without one."""
    drawn = random.Random(0)
    by_language: dict[str, list[str]] = defaultdict(list)
    for language, text in sentences:
        by_language[language].append(text)
    found = alarms = tried = 0
    for target, other in itertools.permutations(sorted(by_language), 2):
        for _ in range(10):
            parts = drawn.sample(by_language[target], 40)
            alarms += consistency(" ".join(parts), target).longest_foreign_run >= HIDDEN_RUN
            parts.insert(drawn.randrange(41), drawn.choice(by_language[other]))
            found += consistency(" ".join(parts), target).longest_foreign_run >= HIDDEN_RUN
            tried += 1
    print(f"one foreign sentence among 41 shows as a run of {HIDDEN_RUN} words: {found} of {tried} (target 393 of 420)")
    print(f"  without one: {alarms} of {tried} (target at most 6 of 420)")


def count_units(found: Consistency) -> float:
    """All the units of a text."""
    return sum(found.units.values())


def print_speeds(problems: Labelled, detectors: dict[str, Accepts]) -> None:
    """MB/s of each detector, sentence by sentence as R1's measure needs it, on documents of 20 KB by language."""
    print(f"\nMB per core second on documents of 20 KB (target: overproof ≥ {SPEED_TARGET:g})")
    print(f"  {'':<24}{'overproof':>10}" + "".join(f"{name:>11}" for name in detectors if name != "overproof"))
    texts = {language: [text for found, text in problems if found == language] for language, _ in problems}
    kinds = {f"MGSM {language}": (language, build_documents(found)) for language, found in texts.items()}
    for name, language in (("aime25_r1_think", "en"), ("gaokao2026_zh_think", "en")):
        traces = SHARED / "data" / "grading" / f"{name}.jsonl"
        if traces.is_file():
            outputs = [json.loads(line)["output"] for line in traces.read_text("utf-8").splitlines()[:60]]
            kinds[name] = (language, build_documents(outputs)[:60])
    for kind, (language, documents) in kinds.items():
        size = sum(len(document.encode()) for document in documents)
        cells = [size / seconds_for(lambda document: consistency(document, language), documents) / 1e6]  # noqa: B023
        for detector, accepts in detectors.items():
            if detector == "overproof":
                continue
            few = documents[:1] if detector == "langdetect" else documents[:5]
            seconds = seconds_for(
                lambda document: [accepts(part, language) for part in split_sentences(document)],  # noqa: B023
                few,
            )
            cells.append(sum(len(document.encode()) for document in few) / seconds / 1e6)
        print(f"  {kind:<24}{cells[0]:>10.2f}" + "".join(f"{cell:>11.2f}" for cell in cells[1:]))


def build_documents(texts: Sequence[str]) -> list[str]:
    """The texts joined and cut into pieces of about 20 KB."""
    whole = "\n".join(texts)
    step = max(1, DOCUMENT * len(whole) // len(whole.encode()))
    return [whole[start : start + step] for start in range(0, max(1, len(whole) - step), step)]


def seconds_for(measure: Callable[[str], object], documents: Sequence[str], rounds: int = 3) -> float:
    """The best of a few rounds over all documents, after one to warm up."""
    measure(documents[0])
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        for document in documents:
            measure(document)
        best = min(best, time.process_time() - start)
    return best


def print_rare_speeds() -> None:
    """MB/s on documents of 20 KB whose sentences have formulas between them, as reasoning has."""
    print(f"\nMB per core second in languages without a place in the usual ballot (target ≥ {RARE_TARGET:g})")
    for language, text in RARE.items():
        sentences = text.split(". ") * 500
        documents = build_documents([f"{one}. $x = {number}$." for number, one in enumerate(sentences)])[:20]
        size = sum(len(document.encode()) for document in documents)
        speed = size / seconds_for(lambda document: consistency(document, language), documents) / 1e6  # noqa: B023
        print(f"  {language:<24}{speed:>10.2f}")


def print_naming_speed() -> None:
    """Questions a second that `language_of` names, on English ones of many sources."""
    questions = [
        json.loads(line)["question"]
        for path in sorted((SHARED / "data" / "questions").glob("*.jsonl"))
        for line in path.read_text("utf-8").splitlines()
    ]
    english = [question for question in questions if question.isascii()][:6000]
    if english:
        seconds = seconds_for(language_of, english)
        print(f"\nlanguage_of: {len(english) / seconds:,.0f} English questions a second (target {NAMING_TARGET:,})")


def print_reward_speed() -> None:
    """MB/s of all rewards but accuracy together, on real traces cut to 8 KB."""
    path = SHARED / "data" / "grading" / "aime25_r1_think.jsonl"
    if not path.is_file():
        return
    outputs = [json.loads(line)["output"] for line in path.read_text("utf-8").splitlines()]
    blank = Trace(Problem("p", ""), 0, "f" * 64, "t", "generic", [], {}, "", usage=Usage(completion_tokens=9000))
    traces = {
        document: replace(blank, content=f"<think>\n{document}\n</think>\n\n\\boxed{{4}}")
        for document in [output[:TRACE] for output in outputs][:100]
    }
    further: dict[str, dict[str, int]] = {name: {} for name in REWARDS}
    further |= {"cosine_length": {"max_tokens": 16384}, "overlong": {"max_tokens": 16384, "cache_tokens": 4096}}
    print(f"\nall rewards but accuracy on {len(traces)} traces of 8 KB, MB per core second")
    size = sum(len(document.encode()) for document in traces)
    for name, config, target in (
        ("R1's two", RewardsConfig(), TWO_REWARDS_TARGET),
        ("all of them", RewardsConfig.model_validate(further), ALL_REWARDS_TARGET),
    ):
        seconds = seconds_for(
            lambda document: score_trace(traces[document], None, config, language="en", contract="think_boxed"),  # noqa: B023
            list(traces),
        )
        print(f"  {name:<12}{size / seconds / 1e6:>8.2f}  (target ≥ {target:g})")


if __name__ == "__main__":
    main()
