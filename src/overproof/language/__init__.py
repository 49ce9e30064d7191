"""Which language is a text in, sentence by sentence.

measure      how much of a text is in a target language, and the longest stretch that is not
question     the language of a question, alone or among those that a set of problems is in
passages     where a text is in other languages

prose · programs · quotations → sentences → scripts · siblings · latin → ballots · words
"""

from overproof.language.latin import Name
from overproof.language.measure import LEAST_UNITS, Consistency, base_language, consistency
from overproof.language.passages import find_foreign
from overproof.language.programs import words_of_programs
from overproof.language.question import held_by, language_of, name_all, name_among, name_question
from overproof.language.scripts import is_latin

__all__ = [
    "LEAST_UNITS",
    "Consistency",
    "Name",
    "base_language",
    "consistency",
    "find_foreign",
    "held_by",
    "is_latin",
    "language_of",
    "name_all",
    "name_among",
    "name_question",
    "words_of_programs",
]
