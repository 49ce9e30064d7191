r"""One spelling for each formula: Unicode, full-width, HTML and LaTeX variants of a sign become the same text.

Everything here is a table or a regular expression without nested repetition, so the time is linear in the length of
the text. Nothing is evaluated and no meaning is decided.

    >>> spell("$\\dfrac{1}{2}\\,\\mathrm{cm}$.")
    '\\frac{1}{2} \\text{cm}'
    >>> spell("４２")
    '42'
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from overproof.braces import close_brace

_SIGNS = {
    "½": r"\frac{1}{2}", "⅓": r"\frac{1}{3}", "⅔": r"\frac{2}{3}", "¼": r"\frac{1}{4}", "¾": r"\frac{3}{4}",
    "⅕": r"\frac{1}{5}", "⅖": r"\frac{2}{5}", "⅗": r"\frac{3}{5}", "⅘": r"\frac{4}{5}", "⅙": r"\frac{1}{6}",
    "⅚": r"\frac{5}{6}", "⅛": r"\frac{1}{8}", "⅜": r"\frac{3}{8}", "⅝": r"\frac{5}{8}", "⅞": r"\frac{7}{8}",
    "√": r"\sqrt ", "∛": r"\sqrt[3] ", "∜": r"\sqrt[4] ", "∞": r"\infty ", "×": r"\times ", "·": r"\cdot ",
    "⋅": r"\cdot ", "∙": r"\cdot ", "•": r"\cdot ", "÷": "/", "⁄": "/", "∕": "/", "−": "-", "–": "-", "—": "-",
    "﹣": "-", "‐": "-", "‑": "-", "≤": r"\le ", "⩽": r"\le ", "≦": r"\le ", "≥": r"\ge ", "⩾": r"\ge ",
    "≧": r"\ge ", "≠": r"\ne ", "≈": r"\approx ", "≡": r"\equiv ", "∪": r"\cup ", "⋃": r"\cup ", "∩": r"\cap ",
    "⋂": r"\cap ", "∈": r"\in ", "∉": r"\notin ", "∅": r"\emptyset ", "Ø": r"\emptyset ", "⊂": r"\subset ",
    "⊆": r"\subseteq ", "∖": r"\setminus ", "±": r"\pm ", "∓": r"\mp ", "°": r"^{\circ}", "º": r"^{\circ}",
    "˚": r"^{\circ}", "℃": r"^{\circ}C", "′": "'", "″": "''", "’": "'", "‘": "'", "“": '"', "”": '"',
    "…": r"\ldots ", "→": r"\to ", "⇒": r"\Rightarrow ", "∀": r"\forall ", "∃": r"\exists ", "∧": r"\wedge ",
    "∨": r"\vee ", "¬": r"\neg ", "∣": "|", "‖": "|", "∥": r"\parallel ", "⊥": r"\perp ", "∠": r"\angle ",
    "△": r"\triangle ", "⌊": r"\lfloor ", "⌋": r"\rfloor ", "⌈": r"\lceil ", "⌉": r"\rceil ", "ℝ": r"\mathbb{R}",
    "ℤ": r"\mathbb{Z}", "ℕ": r"\mathbb{N}", "ℚ": r"\mathbb{Q}", "ℂ": r"\mathbb{C}", "ℏ": r"\hbar ",
    "，": ", ", "、": ", ", "；": "; ", "。": ".", "①": "(1), ", "②": "(2), ", "③": "(3), ", "④": "(4), ", "⑤": "(5), ",
    "⑥": "(6), ", "⑦": "(7), ", "⑧": "(8), ", "⑨": "(9), ", "〈": "(", "〉": ")", "【": "[", "】": "]", "≅": r"\cong ",
    "∆": r"\Delta ", "¢": r"\text{ cents}", "∶": ":", "￥": "¥",
}  # fmt: skip

_GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ϵ": "epsilon", "ζ": "zeta", "η": "eta",
    "θ": "theta", "κ": "kappa", "λ": "lambda", "μ": "mu", "µ": "mu", "ν": "nu", "ξ": "xi", "π": "pi", "ρ": "rho",
    "σ": "sigma", "τ": "tau", "φ": "phi", "ϕ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega", "Γ": "Gamma",
    "Δ": "Delta", "Θ": "Theta", "Λ": "Lambda", "Σ": "Sigma", "Φ": "Phi", "Ψ": "Psi", "Ω": "Omega",
}  # fmt: skip

# Traditional characters of numerals, units, joints and set phrases in their simplified form.
_SIMPLIFIED = str.maketrans(
    "兩萬億點負個無錯對時鐘圓週與為間約數條張貳參陸總體確", "两万亿点负个无错对时钟圆周与为间约数条张贰叁陆总体确"
)

_INVISIBLE = (
    "\u00ad\u200b\u200c\u200d\ufeff\u2060\u20d7\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f"
)
_SPACES = "\u3000\u00a0\u2002\u2003\u2009\u200a\u202f\t\r\x0b"

_CHARACTERS = str.maketrans(
    {
        **{chr(0xFF01 + offset): chr(0x21 + offset) for offset in range(94)},
        **{letter: f"\\{name} " for letter, name in _GREEK.items()},
        **dict.fromkeys(_INVISIBLE, ""),
        **dict.fromkeys(_SPACES, " "),
        **_SIGNS,
    }
)
_SUPERSCRIPT = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱˣ", "0123456789+-=()nix")
_SUBSCRIPT = str.maketrans("₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₒₓₙₖ", "0123456789+-=()aeoxnk")
_RAISED = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱˣ]+")
_LOWERED = re.compile("[₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₒₓₙₖ]+")
_ROOT_WITH_BRACES = re.compile(r"√\s*\{")
_ROOT_OF_NUMBER = re.compile(r"√\s*(\d+(?:\.\d+)?)")
_WIDE_THOUSANDS = re.compile(r"(?<=[0-9０-９])，(?=[0-9０-９]{3}(?![0-9０-９]))")
_STYLED_LETTER = re.compile("[\U0001d400-\U0001d7ff]")

# A string escape that was read once too often: `\frac` arrives as form feed + `rac`.
_ESCAPE_DAMAGE = (
    ("\x0c", re.compile(r"\x0c(?=[a-z])"), r"\\f"),
    ("\x08", re.compile(r"\x08(?=[a-z])"), r"\\b"),
    ("\x07", re.compile(r"\x07(?=[a-z])"), r"\\a"),
    ("\x0b", re.compile(r"\x0b(?=[a-z])"), r"\\v"),
    ("\t", re.compile(r"\t(?=(?:ext(?:circ)?|imes|heta|an|frac|riangle|au|o)\b)"), r"\\t"),
    ("\r", re.compile(r"\r(?=(?:ight|ho|angle|floor|ceil)\b)"), r"\\r"),
)
# … or once too rarely: `\\frac`. Row separators of matrices are left alone.
_DOUBLED_BACKSLASH = re.compile(r"\\\\(?=[a-zA-Z]{2})")

_HTML = (
    ("", re.compile(r"<sup>([^<]{0,80})</sup>"), r"^{\1}"),
    ("", re.compile(r"<sub>([^<]{0,80})</sub>"), r"_{\1}"),
    ("", re.compile(r"<br ?/?>|&nbsp;|&emsp;"), " "),
    ("", re.compile(r"&lt;"), "<"),
    ("", re.compile(r"&gt;"), ">"),
    ("", re.compile(r"&amp;"), "&"),
)

# LaTeX commands that say the same as another one, or nothing.
_COMMANDS = {
    **dict.fromkeys(["dfrac", "tfrac", "cfrac"], r"\frac"),
    **dict.fromkeys(["dbinom", "tbinom"], r"\binom"),
    **dict.fromkeys(
        ["left", "right", "big", "Big", "bigg", "Bigg", "bigl", "bigr", "Bigl", "Bigr", "biggl", "biggr", "Biggl",
         "Biggr", "bigm", "displaystyle", "textstyle", "scriptstyle", "limits", "nolimits", "mathbf", "boldsymbol",
         "bm", "mathit", "mathnormal", "mathcal", "mathsf", "pmb", "noindent", "hfill", "centering", "large", "Large",
         "LARGE", "boxed", "fbox", "framebox", "huge", "Huge", "small", "normalsize", "unicode", "nonumber"],
        "",
    ),
    **dict.fromkeys(["quad", "qquad", "thinspace", "enspace", "medspace", "newline"], " "),
    **dict.fromkeys(
        ["mathrm", "textbf", "textit", "textrm", "textnormal", "textsf", "texttt", "emph", "mbox", "hbox", "rm",
         "mathop", "operatorname"],
        r"\text",
    ),
    **dict.fromkeys(["overrightarrow", "vec"], r"\vec "),
    **dict.fromkeys(["leq", "leqslant", "leqq"], r"\le "),
    **dict.fromkeys(["geq", "geqslant", "geqq"], r"\ge "),
    **dict.fromkeys(["varnothing", "empty"], r"\emptyset "),
    **dict.fromkeys(["lvert", "rvert", "vert", "mid", "lVert", "rVert", "Vert"], "|"),
    **dict.fromkeys(["cdots", "dots", "dotsc", "dotsb", "dotsm", "ldotp"], r"\ldots "),
    **dict.fromkeys(["ast", "star"], "*"),
    **dict.fromkeys(["degree", "textdegree"], "°"),
    **{f"var{letter}": f"\\{letter} " for letter in ("phi", "epsilon", "theta", "rho", "sigma", "kappa", "pi")},
    "neq": r"\ne ", "lt": "<", "gt": ">", "lbrace": r"\{", "rbrace": r"\}", "lbrack": "[", "rbrack": "]",
    "cdotp": r"\cdot ", "tg": r"\tan ", "ctg": r"\cot ", "smallsetminus": r"\setminus ", "backslash": r"\setminus ",
    "land": r"\wedge ", "lor": r"\vee ", "colon": ":", "ensuremath": "", "iff": r"\Leftrightarrow ",
    "implies": r"\Rightarrow ", "rightarrow": r"\to ", "division": "/", "div": "/", "lg": r"\log_{10} ",
    "therefore": "", "because": "", "checkmark": "", "blacksquare": "", "qed": "",
}  # fmt: skip
_COMMAND = re.compile(r"\\([A-Za-z]+)\*? *")

# Equations one below or far beside another are several, and no product of what stands between their signs.
_NEXT_EQUATION = re.compile(
    r"(=[^=,;&]{1,300}?)[ $]{0,8}(?:\\q?quad(?![a-z])|\n)(?:\\q?quad(?![a-z])|[\s$]){0,8}"
    r"(?=\\?[A-Za-z]+'*(?:_\{?\w+\}?)?(?:\([^()=]{1,20}\))? ?=)"
)

# A sign that a text must hold for a rule to apply, the rule, and what it writes.
_BEFORE_COMMANDS = (
    ("\n", _NEXT_EQUATION, r"\1, "),
    ("quad", _NEXT_EQUATION, r"\1, "),
    ("\\rm", re.compile(r"\{ *\\rm(?![a-z])(?:\\[ ,])? *([^{}]*)\}"), r"\\text{\1}"),
    ("{", re.compile(r"(?<=\d) *\{ *(\\?%) *\}"), r"\1"),
    ("_{", re.compile(r"_\{ *\((\d+)\) *\}"), r"_{\1}"),
    ("quad", re.compile(r"\\q?quad(?=[A-Za-z])"), " "),
    (",", re.compile(r"(?<=\d) ?\{ ?, ?\} ?(?=\d)|(?<=\d)(?:,(?:\\!|\\,) *|\\!,)(?=\d)"), ","),
    ("", re.compile(r"(?<=\d)(?:\\,|\\ |~| )(?=\d{3}(?!\d))"), "\x00"),
    ("color", re.compile(r"\\textcolor *\{[a-zA-Z]*\}|\\color *\{[a-zA-Z]*\}"), ""),
    ("\\$", re.compile(r"\\\$"), "¤"),
    ("$", re.compile(r"^([^$]*)\$(?=\.?\d)([^$\\]*)$"), r"\1¤\2"),
    ("$", re.compile(r"\$"), ""),
    ("\\", re.compile(r"\\[(\[](?!\d*(?:pt|em|ex|mm)\])|(?<!\\)\\[)\]]"), " "),
    ("\\", re.compile(r"(?<!\\)\\[,;:!> ]"), " "),
    ("~", re.compile(r"(?<=\d) *~ *(?=\d)"), "-"),
    ("~", re.compile("~"), " "),
    ("\\", re.compile(r"\\[hv]space\*?\{[^{}]{0,20}\}|\\(?:label|tag|[hv]?phantom)\*?\{[^{}]{0,40}\}"), ""),
    ("\\underline", re.compile(r"\\underline *(?=\{[^{}]*\d)"), ""),
    ("\\%", re.compile(r"\\%"), "%"),
    ("\\not", re.compile(r"\\not *="), r"\\ne "),
    ("\\|", re.compile(r"\\\|"), "|"),
)
_TWO_ENDS = r"([^\[\]()]{1,40}[,;][^\[\]()]{1,40})(?<!sqrt)"
_AFTER_COMMANDS = (
    ("\\text", re.compile(r"\\text *\{ *"), r"\\text{"),
    (
        "\\text{",
        re.compile(r"\\text\{(a?(?:sin|cos|tan|cot|sec|csc)h?|arc(?:sin|cos|tan|cot)|ln|log|exp|max|gcd|lcm|det) *\}"),
        r"\\\1 ",
    ),
    # Behind a number, minutes; before a bracket with several values, a function.
    ("\\text{min", re.compile(r"(?<![\d})])(?<![\d})] )\\text\{min *\}|\\text\{min *\}(?= ?\([^()]*,)"), r"\\min "),
    ("prime", re.compile(r"\^ *\{? *\\prime(?![a-zA-Z]) *\}?"), "'"),
    ("circ", re.compile(r"\^ *\{? *\\(?:text)?circ(?![a-zA-Z]) *\}?|(?<=\d) *\{? *\\circ(?![a-zA-Z]) *\}?"), "°"),
    ("10", re.compile(r"(?<=\d) ?[xX] ?(?=10 ?(?:\^|\*\*))"), r"\\times "),
    (")_", re.compile(r"\((\d+)\)_ ?(?=\d|\{ ?\d)"), r"\1_"),
    ("mod", re.compile(r"\((?:\\text\{)? *mod(?:ulo)? *\}? *([^()]{1,40})\)"), r"\\pmod{\1}"),
    ("Omega", re.compile(r"\\text\{ ?([kMGm]) ?\\Omega *\}"), r"\\text{\1ohm}"),
    ("Omega", re.compile(r"(?<=[\d} ])([kMGm]) ?\\Omega(?![a-zA-Z])"), r"\\text{\1ohm}"),
    (
        "ase",
        re.compile(
            r"(?<=[0-9A-F]) ?\(?(?:\\text\{ ?)?\(?(?:in )?[Bb]ase[ -]?\}? ?(\d\d?|two|three|eight|ten|sixteen)[)}]*$"
        ),
        r"_{\1}",
    ),
    (
        "{",
        re.compile(r"^\{ *((?:[A-Za-z](?:_\w)?|\([^()]{1,20}\))(?: *\\in[^|:{}]{1,30})? *(?:\||:|\\mid).+)\}$"),
        r"\\{\1\\}",
    ),
    # N*, N^+, Z_{+}: the positive whole numbers, whose sign is no operator.
    ("\\in", re.compile(r"(?<=\\in) *(?:\\mathbb *\{? *N *\}?|N) *(?:[_^] *\{? *[*+] *\}?|[*+])(?![\w(])"), " N_{+}"),
    ("\\in", re.compile(r"(?<=\\in) *(?:\\mathbb *\{? *Z *\}?|Z) *(?:[_^] *\{? *\+ *\}?|\+)(?![\w(])"), " N_{+}"),
    ("\\in", re.compile(r"(?<=\\in) *([NZQR])(?![\w^_*+(])"), r" \\mathbb{\1}"),
    # A derivative has several names; before its value they are one.
    ("d", re.compile(r"^(?:\\frac *\{ *d *([A-Za-z]) *\} *\{ *d *[a-z] *\}|d([A-Za-z]) */ *d[a-z])(?= *=)"), r"\1\2'"),
    ("\\partial", re.compile(r"^\\frac *\{ *\\partial *([A-Za-z]) *\} *\{ *\\partial *([a-z]) *\}(?= *=)"), r"\1_{\2}"),
    # Braces beside the sign of a union are those of a set.
    ("\\c", re.compile(r"(\\c[ua]p) *\{([^{}]*)\}"), r"\1 \{\2\}"),
    ("\\c", re.compile(r"(?<![\w\\}^_)])\{([^{}]*)\}(?= *\\c[ua]p(?![a-z]))"), r"\{\1\}"),
    ("...", re.compile(r"(?<=[,+]) *\.{3}(?!\d)"), r"\\ldots "),
    ("deg", re.compile(r"\\text\{(?:degrees?|deg) *\}|(?<=\d) *degrees?(?![a-zA-Z])"), "°"),
    ("度", re.compile(r"(?<=\d) *度(?![a-zA-Z])"), "°"),
    (
        "p",
        re.compile(r"\\text\{(?:percent|pct|percentage)\.? *\}|(?<=[\d}]) *(?:percentage(?! point)|percent|pct)\b"),
        "%",
    ),
    ("percentage point", re.compile(r"percentage point"), "percentage-point"),
    ("or", re.compile(r"(?<=\d)or(?=[A-Z(\\-])"), " or "),
    ("and", re.compile(r"(?<=\d)and(?=[A-Z(\\-])"), " and "),
    ("m", re.compile(r"(?<=\d) *[Aa]\.? ?m\b\.?"), " am"),
    ("M", re.compile(r"(?<=\d) *[Aa]\.? ?M\b\.?"), " am"),
    ("m", re.compile(r"(?<=\d) *[Pp]\.? ?m\b\.?"), " pm"),
    ("M", re.compile(r"(?<=\d) *[Pp]\.? ?M\b\.?"), " pm"),
    ("sq.", re.compile(r"\bsq\. *(?=[a-z])"), "square "),
    # Ends of intervals that turn outwards are open: ]2, 5].
    ("[", re.compile(rf"\]{_TWO_ENDS}\["), r"(\1)"),
    ("[", re.compile(rf"(?<!sqrt)\[{_TWO_ENDS}\["), r"[\1)"),
    ("]", re.compile(rf"\]{_TWO_ENDS}\]"), r"(\1]"),
    ("((", re.compile(r"(?<![\w)])(\d+)\(\((\d+)\)/\((\d+)\)\)"), r"\1 \2/\3"),
    ("\\text", re.compile(r"\\text\{ *([:,.;]) *\}"), r"\1"),
    ("\\text", re.compile(r"\\text\{ *([ap])\.? ?m\.? *\}", re.IGNORECASE), r" \1m"),
    ("!=", re.compile(r"!="), r"\\ne "),
    ("=", re.compile(r"<=|=<"), r"\\le "),
    ("=", re.compile(r">=|=>"), r"\\ge "),
)
_GROUPS_OF_THREE = re.compile(r"(?<![\d.,\x00])\d{1,3}(?:\x00\d{3})+(?![\d\x00])")

# (1)(3)(4): the numbers of statements, not a product.
_STATEMENTS = re.compile(r"(?:\(\d\)[ ,;]*){2,9}")
_STATEMENT = re.compile(r"\(\d\)")
_SUBSTANCE = re.compile(r"[\w\u2190-\u2bff]|\\[a-z{]")
_SPACE_RUN = re.compile(r"\s+")
_IDLE_SPACES = re.compile(r"(?<!\d)\s+|\s+(?!\d)")
MAX_CACHED = 2_000
_PLAIN = re.compile(r"-?[0-9]+(?:\.[0-9]+)?|[A-Za-z]")


def spell(text: str) -> str:
    """The text in its one spelling, without mathematics delimiters and punctuation at its ends."""
    if _PLAIN.fullmatch(text):
        return text
    return _spelled(text) if len(text) <= MAX_CACHED else _spelled.__wrapped__(text)


@lru_cache(maxsize=8192)
def _spelled(text: str) -> str:
    text = _repair(text.replace("\x00", ""))
    if not text.isascii():
        text = _spell_unicode(text)
    if "<" in text or "&" in text:
        text = _replace(text, _HTML)
    text = _replace(text, _BEFORE_COMMANDS)
    if "\x00" in text:
        text = _GROUPS_OF_THREE.sub(lambda match: match[0].replace("\x00", ","), text).replace("\x00", " ")
    if "\\" in text:
        text = _COMMAND.sub(_spell_command, text)
    text = _strip_ends(_SPACE_RUN.sub(" ", _replace(text, _AFTER_COMMANDS)))
    if (
        text.startswith("\\text{")
        and text.endswith("}")
        and text.count("{") > 1
        and close_brace(text, len("\\text")) == len(text) - 1
    ):
        text = text[len("\\text{") : -1].strip()
    return ", ".join(_STATEMENT.findall(text)) if _STATEMENTS.fullmatch(text) else text


def has_substance(spelled: str) -> bool:
    """Whether a spelled text says anything: it has a letter, a digit or a command."""
    return _SUBSTANCE.search(spelled) is not None


def _repair(text: str) -> str:
    """The text with the backslashes that were read once too often or once too rarely."""
    if "\\" in text or not text.isprintable():
        text = _replace(text, _ESCAPE_DAMAGE)
        if r"\\" in text and r"\begin" not in text:
            text = _DOUBLED_BACKSLASH.sub(r"\\", text)
    return text


def _replace(text: str, replacements: tuple[tuple[str, re.Pattern[str], str], ...]) -> str:
    for sign, pattern, replacement in replacements:
        if sign in text:
            text = pattern.sub(replacement, text)
    return text


def _strip_ends(text: str) -> str:
    """The text without punctuation, emphasis and spaces at its ends; an ellipsis stays."""
    text = text.lstrip(" *_`:,;").rstrip(" *_`:,;^")
    if text.endswith("\\") and not text.endswith("\\\\"):
        text = text[:-1].rstrip(" *_`:,;^")  # the space of `5\ ` went with the box
    while text.endswith(".") and not text.endswith("..."):
        text = text[:-1].rstrip(" *_`:,;^")
    return text


def without_spaces(text: str) -> str:
    """The text without its spaces, but for those between two digits: `1 20` is not `120`."""
    return _IDLE_SPACES.sub("", text) if " " in text else text


def _spell_unicode(text: str) -> str:
    """Signs outside ASCII in their LaTeX spelling; Chinese and other letters stay as they are."""
    text = _RAISED.sub(lambda match: "^{" + match[0].translate(_SUPERSCRIPT) + "}", text)
    text = _LOWERED.sub(lambda match: "_{" + match[0].translate(_SUBSCRIPT) + "}", text)
    text = _ROOT_OF_NUMBER.sub(r"\\sqrt{\1}", _ROOT_WITH_BRACES.sub(r"\\sqrt{", text.replace("根号", "√")))
    text = _WIDE_THOUSANDS.sub(",", text)
    text = _STYLED_LETTER.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)
    return text.translate(_CHARACTERS).translate(_SIMPLIFIED)


def _spell_command(match: re.Match[str]) -> str:
    """A LaTeX command in its one spelling; an unknown one as it stands."""
    return _COMMANDS.get(match[1], match[0])
