"""The common words that tell Latin-script languages apart; only this module knows them.

Each list holds frequent words of running and mathematical prose. A word votes for every language that lists it, and a
sentence belongs to the language that leads: what two languages share tells nothing between them and much against all
others.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import msgspec

COMMON_WORDS = {
    "en": """
        the of and to is that it for as with be this are not but by from or have has had an they which you we what there
        can all if would their will when who more no do does did them then these those some could so its my than other
        how into your out about just after before between because each every where while being been were our us let in
        on at him his her he she me was may might any very even still too up down over such only own off again through
        during both few most same should must need needs know get gets got give gives given make makes made take takes
        first second third next last now here also since thus hence therefore however maybe wait okay hmm perhaps check
        number numbers equal equals find sum product total answer step problem question long much many new using use
        cost costs price per day days week hours minutes times minus plus twice half left one two three four five six
        seven eight nine ten think consider suppose assume prove show solve calculate compute evaluate determine express
        simplify value values integer integers triangle angle point points equation don doesn isn didn ll ve re
        mistake write factor factorize similarly alternatively actually like way case another correct look looks try
        seems means
        """,
    "fr": """
        de le la les des du une un et est que qui dans pour par sur pas plus avec ce cette ces il elle ils elles nous
        vous au aux en ne se sa son ses leur leurs mais ou où donc car si comme tout tous toute toutes on je me lui dont
        deux trois quatre cinq sept huit neuf dix fait faire être avoir avait été ont sont était sera peut doit faut à
        chaque jour jours combien nombre nombres alors ensuite puis encore aussi entre sans sous chez très bien même
        autre autres qu jusqu lorsqu soit calculer calculez trouver trouvons calculons somme produit égal égale an ans
        heures semaine prix coût moins fois quel quelle quels quelles après avant ainsi reste cela ceci celui voici
        moitié réponse étape premier première pendant maintenant également chacun chacune heure mois depuis
        """,
    "de": """
        der die das und ist von den dem des ein eine einen einem einer nicht mit auf für sich auch es er sie wir ihr an
        im zu zum zur wird werden wurde sind war hat haben wie viel viele aus bei nach vor über unter wenn dann als in
        aber oder doch noch nur schon man kann muss soll also jetzt diese dieser dieses jeder jeden jede zwei drei vier
        fünf sechs sieben acht neun zehn tag tage tagen stunden woche kostet preis insgesamt zahl zahlen gleich summe
        durch mal weniger mehr hälfte gibt ergibt berechnen finden müssen können wieder zuerst nächste damit daher
        dass weil um bis pro seine seinen ihre ihren ihrer welche welcher lösung antwort schritt am ich hatte so
        jeweils während keine kein letzten ersten möchte will darf jedoch
        """,
    "es": """
        el la los las de del que y en un una unos unas es por con para no se lo al su sus como más pero o si sobre este
        esta estos estas ese esa eso esto ya entre cuando muy sin también hasta hay donde quien desde todo todos toda
        todas cada día días uno dos tres cuatro cinco seis siete ocho nueve diez cuánto cuántos cuánta cuántas son está
        están ser fue tiene tienen tenía puede pueden debe hacer número números entonces luego ahora después antes
        porque suma igual total horas hora semana precio menos veces mitad respuesta paso primero calcular encontrar
        necesita cuesta le les nos ella ellos él así mismo misma otra otro otras otros cuál cuáles durante años año
        mayor quiere
        """,
    "it": """
        il lo la i gli le di del della dei delle dello che e è in un una uno non per con si su da dal dalla al alla ai
        nel nella come più ma o se anche questo questa questi queste quello quella sono era essere ha hanno può deve
        ogni giorno giorni quanto quanti quante due tre quattro cinque sei sette otto nove dieci numero numeri allora
        quindi poi ora dopo prima perché somma prodotto uguale ore settimana prezzo meno volte metà risposta passo
        calcolare trovare tutti tutto tutte ci suo sua suoi lei lui loro cui dove quando solo ancora abbiamo anni altro
        """,
    "pt": """
        o a os as de do da dos das que e em um uma uns umas é não no na nos nas por com para se ao aos à como mais mas
        ou seu sua seus suas ele ela eles elas isso isto este esta esse essa quando muito já também até há onde quem
        todo todos toda todas cada dia dias dois duas três quatro cinco seis sete oito nove dez quanto quantos quantas
        são está estão ser foi tem têm pode podem deve fazer número números então depois antes porque soma igual horas
        semana preço menos vezes metade resposta passo primeiro calcular encontrar precisa custa pelo pela agora temos
        """,
    "nl": """
        de het een en van is dat die in te zijn op met voor niet aan er om ook als dan maar bij of uit nog naar door
        ze zij hij we wij je ik hun haar zich wordt worden werd heeft hebben had kan moet zal wat hoe hoeveel elke elk
        dag dagen twee drie vier vijf zes zeven acht negen tien getal getallen gelijk som uur week prijs minder keer
        meer helft antwoord stap eerst berekenen vinden dus nu deze dit geen wel toen omdat tussen totaal kost over so
        """,
}
"""Language → its common words, lower case."""

_SYMBOLS = """
    sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln lg exp lim max min sup inf mod gcd lcm det
    dim ker deg arg sgn div abs sqrt frac cdot pi alpha beta gamma delta theta lambda sigma omega phi psi mu
    mm cm dm km kg mg ml kb mb gb hz kw kwh mph kph ft lb lbs oz yd hr hrs
    def return print import elif int float str len range true false none null var const
    ii iii iv vi vii viii ix xi xii th nd rd st etc eg ie vs
    """
SYMBOL_WORDS = frozenset(_SYMBOLS.split())
"""Names of functions, units, keywords and numerals, alike in every language: they count for none."""

_NEUTRAL = len(COMMON_WORDS)
"""The field of a ballot after the languages' own: words that count for none."""
_SHORTEST_WORD_IN_CAPITALS = 6
_LANGUAGES = tuple(COMMON_WORDS)
_VOCABULARIES = tuple(frozenset(words.split()) for words in COMMON_WORDS.values())
MOST_WORDS = 255
"""A ballot counts up to so many words: each of its fields is one byte."""


class Ballot(msgspec.Struct, frozen=True):
    """How the words of a sentence vote."""

    counted: int
    """Words that are not neutral."""
    leader: str | None
    """The language with most of them among its common words; None when two are level."""
    votes: int
    """How many that is."""
    lead: int
    """By how many it leads the next language."""


def count_votes(words: Sequence[str]) -> Ballot:
    """Let up to MOST_WORDS words vote for every language that has them among its common ones."""
    fields = sum(map(_vote, words)).to_bytes(_NEUTRAL + 1, "little")
    votes = fields[:_NEUTRAL]
    second, first = sorted(votes)[-2:]
    leader = _LANGUAGES[votes.index(first)] if first > second else None
    return Ballot(len(words) - fields[_NEUTRAL], leader, first, first - second)


@lru_cache(maxsize=1 << 16)
def _vote(word: str) -> int:
    """A number with a 1 in the byte of each language that the word votes for, so that adding numbers counts votes.

    Two to five capitals are a name or an abbreviation (ABC, AIME) and neutral.
    """
    lowered = word.lower()
    if lowered in SYMBOL_WORDS or (word.isupper() and len(word) < _SHORTEST_WORD_IN_CAPITALS):
        return 1 << 8 * _NEUTRAL
    return sum(1 << 8 * field for field, vocabulary in enumerate(_VOCABULARIES) if lowered in vocabulary)
