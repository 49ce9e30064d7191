"""Whether two names mean one model; only this module knows how providers decorate a model's name.

A date, a revision, a storage format, an owner before it and `latest` say which copy answers. Every other word or
number (mini, turbo, distill, instruct, 7b, 2.5) says which model, so that it must stand in both names.
"""

import re
from collections import Counter

_WHOLE = r"(?<![^\W_])(?:{})(?![^\W_])"
"""A pattern between separators or ends; an underscore is a separator."""

_OWNER = re.compile(r"^(?:[a-z]+\.)+(?=[a-z])|^meta[-_](?=llama)|^models--.*--")
"""Owner or region within the last part of a path: Bedrock's us.anthropic.…, Meta-Llama, the hub's cache folders."""

# Dates as providers write them: 2024-08-06, 20241022, 08-2024, 250415, 0528 and 2507 (month and day, or year and
# month), 05-20. A model's own version (3.5, 4, 2512 parameters) has no month at its place.
_MONTH, _DAY = "(?:0[1-9]|1[0-2])", "(?:0[1-9]|[12][0-9]|3[01])"
_DATE = re.compile(
    _WHOLE.format(
        rf"20\d\d[-_.]?{_MONTH}[-_.]?{_DAY}|{_MONTH}[-_]20\d\d|20\d\d[-_]{_MONTH}|2\d{_MONTH}{_DAY}"
        rf"|{_MONTH}[-_]{_DAY}|{_MONTH}{_DAY}|2\d{_MONTH}"
    )
)

# Revisions of one model: Gemini's -002, Bedrock's -v2:0, Vertex's @001 and @default; then where a name is an alias or a
# tariff (OpenRouter's :free, :nitro, :floor).
_REVISION = re.compile(
    r"[-@]00\d$|[-_]v\d+:\d+$|@(?:default|main)$|:(?:free|nitro|floor|exacto)$|" + _WHOLE.format("latest")
)

# How weights are stored: file formats, quantisers, and the names of their widths (llama.cpp's q4_k_m and iq4_xs,
# compressed-tensors' w4a16, MLX's 4bit).
_FORMAT = re.compile(
    _WHOLE.format(
        r"gguf|ggml|safetensors|mlx|onnx|exl[23]|awq|gptq|bnb|hqq|aqlm|autoround|imatrix|i1|quantized|dynamic|unsloth"
        r"|(?:nv|mx)?fp\d+|bf16|f(?:16|32)|(?:u?int|e4m3|e5m2)\d*|\d+[-_]?bits?|w\d+a\d+(?:kv\d+)?|gs?(?:32|64|128)"
        r"|(?:ud[-_])?i?q\d(?:[-_](?:k|\d|xxs|xs|s|m|l|xl|nl))*"
    )
)

_WORD = re.compile(r"\d+(?:\.\d+)?[bmk](?![^\W_])|\d+|[^\W\d_]+")
"""A size with its unit, a number, or letters: `llama3.1` and `Llama-3-1` are the same words, 4b and b4 are not."""


def is_same_model(asked: str, served: str) -> bool:
    """Whether a reply that bears `served` is of the model `asked`: the names differ in nothing but the copy.

    Two different dates are two models; a date, format or owner in one name alone contradicts nothing.
    """
    (words, date), (other_words, other_date) = _read(asked), _read(served)
    if words != other_words:
        return False
    return not date or not other_date or date.endswith(other_date) or other_date.endswith(date)


def _read(name: str) -> tuple[Counter[str], str]:
    """What names the model, whatever its order (claude-4-sonnet is claude-sonnet-4), and the digits of its date."""
    last = name.strip().casefold().rstrip("/").rpartition("/")[2]
    bare = _REVISION.sub("-", _FORMAT.sub("-", _OWNER.sub("", last)))
    found = _DATE.search(bare)
    date = re.sub(r"\D", "", found[0]) if found else ""
    words = Counter(_WORD.findall(_DATE.sub("-", bare)))
    # A name of nothing but decoration is what it says.
    return (words, date) if words else (Counter([last]), "")
