"""The common words that tell Latin-script languages apart; only this module knows them.

Each list holds frequent words of running and mathematical prose, compiled by hand.
"""

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
        seems means am die dice man men hat old own went go goes going come comes came see say says said put people
        everyone anyone someone something anything nothing years year ago big small large good right wrong kind sure
        please help using used want wants work works made pay pays paid buy buys bought sell sells sold
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

FURTHER_WORDS = {
    "sv": """
        och att det som en på är för med till av den har inte om ett han hon de vi jag var men så från när kan ska vad
        hur många varje dag dagar timmar vecka kostar totalt mer mindre också alla eller efter under sin sina hans
        hennes då blir får två tre fyra fem sju åtta nio tio svaret steg först hälften
        """,
    "da": """
        og at det som en på er for med til af den har ikke om et han hun de vi jeg var men så fra når kan skal hvad hvor
        mange hver dag dage timer uge koster alt mere mindre også alle eller efter under sin sine hans hendes da bliver
        får to tre fire fem syv otte ni ti svaret trin først halvdelen
        """,
    "no": """
        og at det som en på er for med til av den har ikke om et han hun de vi jeg var men så fra når kan skal hva hvor
        mange hver dag dager timer uke koster totalt mer mindre også alle eller etter under sin sine hans hennes da blir
        får to tre fire fem sju åtte ni ti svaret trinn først halvparten
        """,
    "fi": """
        ja on ei että se hän ne he joka mitä kuin mutta tai jos niin myös ovat oli olla kun kaikki jokainen kuinka monta
        paljon päivä päivässä viikossa tuntia maksaa yhteensä enemmän vähemmän sitten nyt koska puolet kaksi kolme neljä
        viisi kuusi seitsemän kahdeksan yhdeksän kymmenen vastaus tämä tämän siis voidaan saadaan
        """,
    "pl": """
        na nie się że jest to jak za po co tak ale czy od przez dla są ma ich jego jej był była było być może więc ile
        każdy każda dzień dni godzin tygodniu kosztuje razem więcej mniej już także tym tej ten ta te które który która
        dwa trzy cztery pięć sześć siedem osiem dziewięć dziesięć odpowiedź liczba liczby mamy teraz potem ze we
        """,
    "cs": """
        je na se že to do jako by jsou být byl bylo byla ale nebo když tak který která které co pro po od ze za má mají
        kolik každý den dní hodin týden stojí celkem více méně také tedy pak nyní dva dvě tři čtyři pět šest sedm osm
        devět deset odpověď číslo čísla ve si jeho její
        """,
    "hu": """
        az és hogy nem is egy ez van volt meg de ha mint csak már még el ki be fel minden hány mennyi nap napi óra hét
        kerül összesen több kevesebb akkor most mert vagy két kettő három négy öt hat nyolc kilenc tíz válasz szám
        számok tehát lesz
        """,
    "ro": """
        și în de la cu pe nu este că un să din care pentru mai sunt ce fost se au are le lui ei dar sau dacă când cum
        cât câte câți fiecare zi zile ore săptămână costă total mult puțin apoi acum deci două doi trei patru cinci șase
        șapte opt nouă zece răspuns număr numere
        """,
    "tr": """
        ve bir bu da de için ile ne kadar çok daha ise olan olarak var her ama gibi sonra önce kaç tane gün saat hafta
        toplam fazla az iki üç dört beş altı yedi sekiz dokuz on sayı sayısı cevap eder tanesi şimdi olduğunu olur ki mi
        mı değil adet kalan
        """,
    "id": """
        yang dan di dari untuk dengan pada adalah ini itu tidak akan ke dalam ada oleh juga sudah dapat atau karena jika
        maka setiap berapa hari jam minggu harga total lebih kurang sehingga kita dia mereka saya satu dua tiga empat
        lima enam tujuh delapan sembilan sepuluh jawaban jumlah bilangan jadi bisa telah menjadi hanya semua sama biaya
        bahwa pertama kedua kemudian mari soal
        """,
    "ms": """
        yang dan di dari daripada untuk dengan pada adalah ialah ini itu tidak akan ke dalam ada oleh juga sudah telah
        dapat atau kerana jika maka setiap berapa hari jam minggu harga jumlah lebih kurang sehingga kita dia mereka
        saya satu dua tiga empat lima enam tujuh lapan sembilan sepuluh jawapan nombor jadi boleh bagi hanya semua sama
        kos bahawa kepada apabila menjadi pertama kedua kemudian mari soalan
        """,
    "vi": """
        và là của có không được cho một các những này đó với trong khi ta tôi bạn số mỗi ngày giờ tuần bao nhiêu giá
        tổng cộng nhiều hơn ít vậy thì hai ba bốn năm sáu bảy tám chín mười đáp án nếu cũng sẽ còn lại như để ra vào từ
        trên phải
        """,
    "sw": """
        na ya wa kwa ni katika la za kila siku ana alikuwa ngapi kama hiyo hii huyo lakini au pia yake wake kutoka baada
        kabla jumla mbili tatu nne tano sita saba nane tisa kumi saa wiki bei zaidi kuwa yeye wao cha vya hivyo ikiwa
        basi jibu idadi kisha sasa kwenye ambayo ambao kwamba hapa hapo tena lake zake yao zao hizo hili hilo mimi sisi
        tuna kuna ili bila kati sawa gharama dakika mwaka nambari sehemu pamoja yaani
        """,
    "ca": """
        de la el que els les un una amb és no del al es més com però si són ha dels quants quantes cada dia dies hores
        setmana costa total menys llavors després dos tres quatre cinc sis set vuit nou deu resposta nombre doncs això
        """,
}
"""More languages a trace may slip into: asked only where the words above leave a sentence open, or where one of them is
the target, so that a list here cannot take a vote from the languages that most text is in."""

_SYMBOLS = """
    sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln lg exp lim max min sup inf mod gcd lcm det
    dim ker deg arg sgn div abs sqrt frac cdot pi alpha beta gamma delta theta lambda sigma omega phi psi mu
    mm cm dm km kg mg ml kb mb gb hz kw kwh mph kph ft lb lbs oz yd hr hrs
    def return print import elif int float str len range true false none null var const
    ii iii iv vi vii viii ix xi xii th nd rd st etc eg ie vs mol
    """
SYMBOL_WORDS = frozenset(_SYMBOLS.split())
"""Names of functions, units, keywords and numerals, alike in every language: they count for none."""

_SWITCHES = """
    the of and to is that it for as with be this are not but by from or have has had they which you we what there can
    all if would their will when who more no do does did them then these those some could so its my than other how into
    your out about just after before between because each every where while being been were our us let in on at him his
    her he she me was may might any very even still too up down such only own again through during both few most same
    should must need needs know get gets got give gives make makes made take takes next last now here also since thus
    hence therefore however maybe wait okay hmm perhaps check think consider suppose assume don doesn isn didn mistake
    similarly alternatively actually way another correct look looks try seems means wrong right sure
    """
SWITCH_WORDS = frozenset(_SWITCHES.split())
"""English words of thinking aloud rather than of mathematics: one of them in a sentence of another script is a switch
of language, where a term, a name or a unit (sum, Fermat, minutes) is none."""

_TELLING_BESIDE = frozenset(("you", "day", "days", "two", "first", "find", "number", "answer"))
"""English words that are no switch to a reader of Chinese, who writes terms in English, and one in French or German."""
_ELSEWHERE = """
    after all an and another are as at be been by can come compute correct do even for four get given had he her here
    if is it like long last many may me men must my new now of off on one or our own see some still such then to too up
    us use was week who work ai alla alors ans autre autres avant bei bien bis calculate car ce che ci com dag dal dan
    dans dei dem den der desde deux di dia dias dit dont door dos dove du due durante ein el ele elk elle em encore era
    esta estas est et fait foi gli ha haar hay het hoe hora hun im in ja kan kost las lei los ma mal mas mayor me meer
    met minder minus mit moet na nas ne nel nog non nous nu numero om onde op ora ore os otto pela pelo par pas plus
    poi por pour precisa premier prima prix pro quel qui reste sa sans se sei seine sept si sobre solo som soma son
    sous sobre suma suo sur sus te tem ten tout tre tres trois tutti uma un una uns unter van vier von wat wel wie ya
    ze war tag agora voor bij zes over os car
    """
_ALSO_ELSEWHERE = frozenset(_ELSEWHERE.split())
"""Common words of a language that another writes too, though they are not among its commonest."""
TELLING_WORDS = {
    language: frozenset(
        word
        for word in words.split()
        if len(word) > 1
        and (language != "en" or word in SWITCH_WORDS or word in _TELLING_BESIDE)
        and word not in _ALSO_ELSEWHERE | SYMBOL_WORDS
        and sum(word in others.split() for others in COMMON_WORDS.values()) == 1
    )
    for language, words in COMMON_WORDS.items()
}
"""Language → those of its common words that no other language here writes: two of them in one sentence of another
language are a switch, where "van" or "die" is none."""
