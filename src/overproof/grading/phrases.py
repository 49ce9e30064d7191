r"""The words by which completions mark, choose, take back and qualify an answer: data, a line of why each.

Every pattern is matched at one place and takes a bounded run of text, so that all of them together are linear in the
length of a completion. `{letters}` stands for option letters: one, several (`A, C and D`) or glued ones (`ACD`).
"""

from __future__ import annotations

import re

LETTERS = (
    r"\*{{0,3}}[(（\[$]{{0,3}}(?:\\(?:text|mathrm|mathbf|textbf|boxed) ?\{{)?[(（]?(?P<{name}>(?-i:[A-Z])"
    r"(?:[)）\]]?(?: ?[、,，;；/&和及与或] ?| ?,? ?(?:and|or) )?[(（]?(?-i:[A-Z])(?![A-Za-z])){{0,25}}"
    r"|(?-i:[A-Z]{{2,10}}))(?![A-Za-z'’_^=+])(?! ?[=+]|\\(?![)\]]))"
    r"(?!(?<=[AI]) (?!(?:because|since|as|so|for|which|is|and|or|are)\b)(?-i:[a-z]))"
)
"""Option letters, wrapped as models wrap them; a letter that begins a name, a sum or an equation is none."""


def _letters(name: str) -> str:
    return LETTERS.format(name=name)


_VERB = (
    r",? (?:is|are|would be|should be|must be|equals|=|will be)(?: therefore| thus| then| simply| just)?\b:?"
    r"|:?(?=[ \t]{0,9}\n[ \t\n]{0,9}\$\$)|(?= (?:\$|\\[\[(]))"
)
MARKED: tuple[tuple[str, str], ...] = (
    # A prompt asks for this tag; whatever stands in it is the answer.
    ("tag", r"<answer>"),
    # A heading or bold line that says no more than "Answer"; the answer is the next line.
    (
        "heading",
        (
            r"^[ \t]{0,9}(?:#{1,6} {0,3}|\*{2,3})(?:the )?(?:final (?:answer|result|solution)|(?:correct )?answers?"
            r"|(?:最终|正确)?答案|最终结果|结论)\*{0,3} {0,3}[:：]?\*{0,3} {0,3}(?=\n)"
        ),
    ),
    # GSM8K's own sign.
    ("hashes", r"####"),
    # Chinese exam keys and solutions.
    ("chinese", r"【 ?(?:最终)?(?:答案|正确答案) ?】 ?(?:[:：是为]|应为)?"),
    ("chinese", r"(?:最终|正确)?(?:答案|结果) ?(?:应该?)?[是为選选][：:]? ?"),
    ("chinese", r"(?:最终|正确)?答案\*{0,3}[:：]\*{0,3}"),
    # "答：还剩32个": the last line of a worked problem in every Chinese primary school.
    ("chinese", r"(?:^|(?<=[。；;，,）) \t]))\*{0,3}答\*{0,3}[:：]"),
    # English sentences and labels.
    (
        "english",
        (
            r"\*{0,3}(?:final |correct |my |right )?answers?(?: \(final\))?\*{0,3}(?: to (?:the"
            r"|this) (?:question|problem))?"
            rf"\*{{0,3}}(?: {{0,9}}[:：]|{_VERB})\*{{0,3}}"
        ),
    ),
    ("english", r"^\*{0,3}solution(?: is)?\*{0,3}[:：]\*{0,3}"),
    ("english", r"^[ \t*]{0,9}ans(?:\.|:) ?"),
    # The base models' own format of question and answer.
    ("english", r"^ {0,9}A: "),
)
MARKED_KEYWORDS = (
    "####",
    "nswer",
    "NSWER",
    "答",
    "结果",
    "结论",
    "olution",
    "A: ",
    "esult",
    "ns.",
    "ns:",
    "NS:",
    "NS.",
)
"""Without one of these no pattern of MARKED can match; finding them is far cheaper."""

FINAL = r"final answer\*{0,3}(?: is\b:?|:)(?! *(?:the )?final answer)"
"""The one marker whose value need not look like an answer to take the place of an earlier box."""

IS_OUR_ANSWER = r"(?P<value>\$[^$\n]{1,400}\$|(?<!\S)\S{1,60}) (?:is|are) (?:our|the|my) (?:final |correct )?answer"
"""The marker that stands behind its answer."""

CHOSEN: tuple[tuple[str, str], ...] = (
    # Chinese exam solutions end in one of these; 选项 names an option and chooses none.
    (
        "chinese",
        r"(?<!不)(?<!误)(?<!错)(?<!多)(?<!单)(?:[选選](?!项|項)[择擇]?|答案[选選][择擇]?)"
        r"[项項]?[：: ]{0,9}(?:应?[是为])?[：: ]{0,9}" + _letters("zh"),
    ),
    (
        "chinese",
        r"(?:正确|正確|最终)的?(?:选项|選項|答案)[：: ]{0,3}(?:应?[为是為])?[：: ]{0,3}" + _letters("zh_noun"),
    ),
    # Somebody chooses.
    (
        "english",
        r"\b(?:choose|choosing|chose|select|selected|pick|picked|go with|opt for|going with)"
        r"(?: the)?(?: correct)?(?: answer| option| choice)?:? {1,3}" + _letters("verb"),
    ),
    # "The correct option is B", "Option Selected: B", "My final choice: C", "The correct option letter is D".
    (
        "english",
        r"\b(?:option|choice|selection|alternative|letter|statement|answer)s?(?: letter)?(?: selected| chosen)?"
        r"(?: that [^.\n(]{1,120}?)?"
        r"(?:\*{0,3} {0,3}[:：]| (?:is|are|would be|should be|must be):?)\*{0,3} {0,9}" + _letters("noun"),
    ),
    # What is left, or what it has to be.
    ("english", r"\b(?:leaving|leaves)(?: us)?(?: with)?(?: only)?(?: option| choice)? " + _letters("left")),
    (
        "english",
        r"\b(?:hence|so|thus|therefore),? (?:it(?:'s| is| must be) )?"
        + _letters("hence")
        + r"(?=[)）*]{0,4}[.。]?\s*\Z)",
    ),
    ("english", r"\b(?:has to|must|should|can only) be(?: option| choice)? " + _letters("must")),
    ("english", r"\bis:? \*{0,3}(?=[(（])" + _letters("copula")),
)
"""Ways to choose an option in so many words. The last one counts; taken back or denied ones do not."""

CALLED_RIGHT: tuple[tuple[str, str], ...] = (
    ("english", _letters("is") + r"[)）]?\*{0,3} {0,3}(?:is|are) (?:the )?(?:correct|right|true|best)\b"),
    ("chinese", _letters("ok") + r"[)）]?\*{0,3} {0,3}[项項]?(?:是|为|均|都)?(?:正确|正確|对)"),
)
"""An option called right: weaker than a choice, as "Which of A and B is correct?" names options too."""

SHOWN: tuple[tuple[str, str], ...] = (
    # "B" or "(B) two." before the explanation.
    ("first", r"\A[\s*]{0,9}[(（\[]?(?P<first>[A-Z])(?:[)）\].．、:：]|(?=\s*(?:\n|\Z)))(?!\w\.)"),
    # **B**, **(C) 12**: emphasis on one option and no other.
    ("bold", r"\*\*[(（]?(?P<bold>[A-Z])[)）]?(?:[.:)、：．][^*\n]{0,200})?\*\*"),
    # A line with nothing but a letter.
    ("line", r"^[(（]?(?P<line>[A-Z])[)）.]?$"),
)
"""An option shown without a word; counts only where no other option is shown the same way."""

DENIED_BEFORE = re.compile(
    r"(?:\b(?:not|never|neither|none|nor|if|whether|why|suppose|assuming|unless|rather than"
    r"|instead of|except|maybe|perhaps"
    r"|eliminat\w{1,4}|rules? out|ruled out|exclud\w{1,4}|wrong|incorrect|tempting|common)\b|n't\b"
    r"|排除|不(?:能|应|该|会|可)?|若|如果|假设|假如|错[误選选]?|误|并非|可能)"
    r"(?:[^.。,，;；:：\n]{0,40})\Z",
    re.IGNORECASE,
)
"""Before a marker or letter, within its clause: what follows is denied, supposed or doubted."""

DENIED_BEHIND = re.compile(
    r"[)）\]*]{0,4} {0,3}(?:(?:is|are|was|were|would be|seems?|looks?)(?: all| both| also)? (?:not"
    r"|n't|in?correct|wrong|false"
    r"|too|impossible|ruled|eliminated|out\b)|(?:isn|aren|wasn|doesn|don|can)['’]?n?['’]?t\b|fails?\b"
    r"|选?[项項]?(?:也|都|均|是|为)?(?:不|错|排除|有误))",
    re.IGNORECASE,
)
"""Behind a letter: the option is called wrong."""

RETRACTED = re.compile(
    r"[\s$.?!,;，。？)\]]{0,12}(?:(?:but|and|which|that|this|it|so|hmm|oh)[,.]? {1,3}){0,3}"
    r"(?:is (?:wrong|incorrect|not (?:right|correct|valid|the answer))|was (?:wrong|incorrect|a mistake)"
    r"|(?:wait|no)\b[,.:!]|cannot be (?:right|correct)|can't be (?:right|correct)|fails\b|doesn't work|does not work"
    r"|isn't (?:right|correct)|是?不对|是?错|不成立|有误)",
    re.IGNORECASE,
)
"""Directly behind a box: it is taken back."""

BOX_DENIED = re.compile(
    r"(?:\b(?:not|rather than|instead of)|而不是|不是|并非)[ :：]{0,3}[$\\(\[*]{0,4} {0,3}\Z", re.IGNORECASE
)
"""Directly before a box: it is called no answer ("\boxed{5} and not \boxed{6}")."""

GIVEN_UP = re.compile(
    r"\b(?:I|we) (?:cannot|can't|could not|couldn't|am unable to|are unable to|do not know|don't know)"
    r" ?(?:determine|find|say|tell|decide|solve|give|know)?[^.\n]{0,60}[.!]?\s*\Z"
    r"|无法(?:确定|求解|得出)[^。\n]{0,30}。?\s*\Z",
    re.IGNORECASE,
)
"""The last words of a completion that gives no answer after all."""

QUALIFIES_BEFORE = re.compile(
    r"(?:\b(?:negative|minus|plus or minus|plus|at least|at most|no (?:more|less|fewer) than|not|less than|more than"
    r"|greater than|fewer than|larger than|smaller than|bigger than|up to|over|under|above|below"
    r"|between|from|twice|half"
    r"|double|triple|exceeds?|every|each|all|no|any"
    r"|(?:roots?|squares?|cubes?|reciprocal|inverse|opposite|half|third|quarter|factorial|log(?:arithm)?|value|multiple"
    r"|power|percent(?:age)?|digits?|sum|product|difference) of)\b|至少|至多|不少于|不多于|不超过|不小于|不大于"
    r"|不是|不等于|小于|大于"
    r"|少于|多于|超过|正负|负|并非)[\u4e00-\u9fff]{0,4}[ $]{0,3}\Z|[-−±<>≤≥≠][ $]{0,3}\Z",
    re.IGNORECASE,
)
"""Directly before a value: part of it (a sign, a bound, a denial), never to be cut off."""

QUALIFIES_BEHIND = re.compile(
    r"[ $]{0,3}(?:, or(?= ?[-$\d\\])|\\?%|\\?°|\^\{?\\circ\}?|(?:percent|pct|per cent|hundred|thousand|million|billion"
    r"|trillion|dozens?|pairs?"
    r"|(?:less|more|fewer|greater|larger|smaller)(?: [a-z]+)? than(?= ?[$\d\\]| [a-z]\b)|times as"
    r"|sqrt|pi|or|mod|modulo|provided|unless|except|out of|in base|base|a\.?m\.?|p\.?m\.?|half|halves|thirds?"
    r"|quarters?|fifths?"
    r"|(?:and|to|through|plus|minus|times|over)(?= ?[-$\d\\])|(?:if|when|for|where)(?= ?\$| ?\\"
    r"| [a-z] ?[=<>≤≥≠]| all\b| every\b)"
    r"|at most|at least)\b|[万亿千百]|以上|以下|以内|左右|多|或|和|且|至|到|当|若|[-+*/^=<>≤≥≠±×÷!])",
    re.IGNORECASE,
)
"""Directly behind a value: part of it (a magnitude, a condition, another value), never to be cut off."""

CLAUSE = re.compile(
    r",? (?:because|since|as (?:it|the|we|this|that|they|there)\b|which|so that|due to|given that"
    r"|considering)\b|, not\b"
    r"|，? ?(?:因为|由于|而不是|其中)| [–—] ",
    re.IGNORECASE,
)
"""Where a reason or an aside begins behind an answer."""

HEDGE = re.compile(
    r"\b(?:maybe|perhaps|not sure|do(?:es)? not know|don't know|cannot|can't|impossible|unable|unclear|not possible|"
    r"no answer|give up|guess|i think it might)\b|无法|不确定|不知道|没有正确",
    re.IGNORECASE,
)
"""A sentence with one of these concludes nothing."""

CONCLUDES = re.compile(
    r"\b(?:therefore|thus|hence|so|consequently|in conclusion|finally|final answer|solution|"
    r"we (?:get|have|find|obtain|conclude|see that|know that))\b|因此|所以|故|综上|于是|可得|得到|解得|即",
    re.IGNORECASE,
)
"""A last sentence with one of these gives the answer in its formula or bold text."""

THEREFORE = re.compile(
    r"\b(?:therefore|thus|hence|in conclusion|in total|altogether)\b|因此|所以|综上|解得", re.IGNORECASE
)
"""A last sentence with one of these gives the answer in its only number, wherever that stands."""

COPULA = re.compile(
    r"(?:\b(?:is|are|be|equals?|was|were|in|that)\b|=|为|是|有|等于|得|[:：])[^=]{0,60}\Z", re.IGNORECASE
)
"""The verb between a subject and the value that it is said to have."""

COURTESY = re.compile(
    r"[ \n]*(?:I hope (?:it|this|that)|Let me know|Do you have|Hope this)[^\n]{0,200}$", re.IGNORECASE
)
"""What models trained to be polite add behind an answer."""
