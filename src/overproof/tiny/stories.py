"""Word problems about money, shares, roads and masses: eight families, in English and Chinese alike.

Ranges are small on purpose: a model of a million parameters that reads digit by digit can learn them. Within them
each family holds tens of thousands of questions in either language.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import NamedTuple

from overproof.tiny.dice import Dice
from overproof.tiny.drafts import Draft, DraftAnswer, Language, Working, ended_decimal, finish

NAMES: dict[Language, tuple[str, ...]] = {
    "en": ("Tom", "Anna", "Ben", "Lily", "Sam", "Mia", "Jack", "Emma", "Leo", "Ruth", "Max", "Nina"),
    "zh": ("小明", "小红", "小华", "小丽", "小刚", "小芳", "小军", "小雨", "小林", "小梅", "小东", "小雪"),
}


class Item(NamedTuple):
    """A countable thing: its English plural, and its Chinese measure word and noun."""

    en: str
    measure: str
    zh: str


ITEMS = (
    Item("apples", "个", "苹果"),
    Item("pens", "支", "笔"),
    Item("books", "本", "书"),
    Item("cups", "个", "杯子"),
    Item("cards", "张", "卡片"),
    Item("toys", "个", "玩具"),
    Item("balls", "个", "球"),
    Item("cakes", "块", "蛋糕"),
)


def shopping(dice: Dice, language: Language) -> Draft:
    """Two purchases: the total, or the change from a round sum."""
    name, (one, two) = dice.choose(NAMES[language]), dice.two_of(ITEMS)
    a, c, b, d = dice.between(2, 9), dice.between(2, 9), dice.between(2, 12), dice.between(2, 12)
    work = Working()
    first = work.step(f"the {one.en} cost", f"{one.zh}花了", a, "*", b)
    second = work.step(f"the {two.en} cost", f"{two.zh}花了", c, "*", d)
    answer = work.step("the total is", "一共花了", first, "+", second)
    story = {
        "en": f"{name} buys {a} {one.en} at {b} dollars each and {c} {two.en} at {d} dollars each.",
        "zh": f"{name}买了{a}{one.measure}{one.zh}，每{one.measure}{b}元，又买了{c}{two.measure}{two.zh}，"
        f"每{two.measure}{d}元。",
    }
    asked: dict[Language, tuple[str, ...]] = {
        "en": (" How much is the total cost?", " How many dollars are spent in all?"),
        "zh": ("一共花了多少元？", "总共需要多少元？"),
    }
    if dice.chance(500):
        paid = (int(work.value(answer)) // 50 + 1) * 50
        answer = work.step("the change is", "应找回", paid, "-", answer)
        asked = {
            "en": (f" {name} pays with {paid} dollars. How much is the change?", f" How much is left from {paid}?"),
            "zh": (f"付了{paid}元，应找回多少元？", f"带了{paid}元，还剩多少元？"),
        }
    return finish(story[language] + dice.choose(asked[language]), work, answer)


def sharing(dice: Dice, language: Language) -> Draft:
    """A stock that grows and shrinks: what is left, or each friend's equal share of it."""
    name, item = dice.choose(NAMES[language]), dice.choose(ITEMS)
    friends, share = dice.between(2, 9), dice.between(2, 12)
    left = friends * share
    given = dice.between(2, 30)
    had = dice.between(1, left + given - 1)
    got = left + given - had
    work = Working()
    stock = work.step("the stock grows to", "增加到", had, "+", got)
    answer = work.step("what is left is", "剩下", stock, "-", given)
    question = {
        "en": f"{name} has {had} {item.en}, gets {got} more and gives away {given}.",
        "zh": f"{name}有{had}{item.measure}{item.zh}，又得到{got}{item.measure}，送出{given}{item.measure}。",
    }[language]
    asked: dict[Language, tuple[str, ...]] = {
        "en": (" How many are left?", f" How many {item.en} are there now?"),
        "zh": ("还剩多少？", f"现在有多少{item.measure}？"),
    }
    if dice.chance(650):
        answer = work.step("each friend gets", "每人得到", answer, "/", friends)
        asked = {
            "en": (f" {friends} friends share the rest equally. How many does each friend get?",),
            "zh": (f"剩下的平均分给{friends}个朋友，每人得到多少？",),
        }
    return finish(question + dice.choose(asked[language]), work, answer)


PARTS = sorted({Fraction(part, whole) for whole in (2, 3, 4, 5, 6, 8, 10) for part in range(1, whole)})

WHOLES = (
    ("reads", "of a book", "pages", "读了一本书的", "页"),
    ("walks", "of a trail", "km", "走了一条路的", "千米"),
    ("paints", "of a fence", "metres", "刷了一段围栏的", "米"),
    ("fills", "of a tank", "litres", "装了一个水箱的", "升"),
    ("plants", "of a field", "rows", "种了一块地的", "行"),
    ("spends", "of a prize", "dollars", "花了一笔奖金的", "元"),
    ("packs", "of an order", "boxes", "打包了一批货的", "箱"),
    ("cleans", "of a street", "metres", "打扫了一条街的", "米"),
)


def parts_of_a_whole(dice: Dice, language: Language) -> Draft:
    """Two fractions of one thing: what they leave, or how much they are together."""
    name, (verb, thing, units, zh, unit) = dice.choose(NAMES[language]), dice.choose(WHOLES)
    first = dice.choose([part for part in PARTS if part < Fraction(9, 10)])
    second = dice.choose([part for part in PARTS if first + part < 1])
    common = math.lcm(first.denominator, second.denominator)
    work = Working()
    done = work.step("together this is", "两天一共是", first, "+", second)
    question = {
        "en": f"{name} {verb} {first} {thing} on day one and {second} on day two.",
        "zh": f"{name}第一天{zh}{first}，第二天又完成{second}。",
    }[language]
    if dice.chance(600):
        answer = work.step("what remains is", "还剩", 1, "-", done)
        asked: dict[Language, tuple[str, ...]] = {
            "en": (" What fraction is left?", " What fraction remains?"),
            "zh": ("还剩几分之几？", "剩下几分之几？"),
        }
    else:
        whole = common * dice.between(1, 120 // common)
        answer = work.step(f"in {units} this is", f"{unit}数是", whole, "*", done)
        asked = {
            "en": (
                f" The whole is {whole} {units}. How many {units} is that?",
                f" How many of {whole} {units} is that?",
            ),
            "zh": (f"总共{whole}{unit}，两天完成多少{unit}？", f"全部是{whole}{unit}，一共完成多少{unit}？"),
        }
    return finish(question + dice.choose(asked[language]), work, answer)


VEHICLES = (("A car", "一辆汽车"), ("A bus", "一辆客车"), ("A train", "一列火车"), ("A truck", "一辆货车"))


def journey(dice: Dice, language: Language) -> Draft:
    """Two legs at two speeds: the distance, or the average speed."""
    en, zh = dice.choose(VEHICLES)
    a, c, b, d = dice.between(2, 14) * 5, dice.between(2, 14) * 5, dice.between(2, 5), dice.between(2, 5)
    work = Working()
    first = work.step("the first part is", "第一段是", a, "*", b)
    second = work.step("the second part is", "第二段是", c, "*", d)
    answer = work.step("the distance is", "路程是", first, "+", second)
    question = {
        "en": f"{en} travels {b} hours at {a} km per hour and {d} hours at {c} km per hour.",
        "zh": f"{zh}以每小时{a}千米行驶{b}小时，再以每小时{c}千米行驶{d}小时。",
    }[language]
    asked: dict[Language, tuple[str, ...]] = {
        "en": (" How far does it go?", " What distance does it cover in km?"),
        "zh": ("共行驶多少千米？", "一共走了多少千米？"),
    }
    if dice.chance(400):
        hours = work.step("the time is", "时间是", b, "+", d)
        answer = work.step("the average speed is", "平均速度是", answer, "/", hours)
        asked = {
            "en": (" What is the average speed?", " Find the average speed in km per hour."),
            "zh": ("平均速度是多少？", "求平均每小时多少千米。"),
        }
    return finish(question + dice.choose(asked[language]), work, answer)


def discount(dice: Dice, language: Language) -> Draft:
    """A price cut by some per cent, for one piece or for several."""
    name, item = dice.choose(NAMES[language]), dice.choose(ITEMS)
    cut, price, pieces = dice.choose((10, 20, 25, 30, 40, 50)), dice.between(1, 15) * 20, dice.between(1, 5)
    work = Working()
    off = work.step("the discount is", "优惠是", price, "*", Fraction(cut, 100))
    answer = work.step("the new price is", "现价是", price, "-", off)
    story = {
        "en": f"A box of {item.en} costs {price} dollars, but {name} gets {cut}% off. ",
        "zh": f"一箱{item.zh}原价{price}元，{name}买时降价{cut}%。",
    }[language]
    asked: dict[Language, tuple[str, ...]] = {
        "en": (f"How much does {name} pay for one box?", "What is the new price?"),
        "zh": ("现价多少元？", "买一箱要多少元？"),
    }
    if pieces > 1:
        answer = work.step("the total is", "一共花了", answer, "*", pieces)
        asked = {
            "en": (f"How much does {name} pay for {pieces} boxes?", f"What do {pieces} boxes cost?"),
            "zh": (f"买{pieces}箱要多少元？", f"{pieces}箱一共多少元？"),
        }
    return finish(story + dice.choose(asked[language]), work, answer, decimal=True)


def sum_and_difference(dice: Dice, language: Language) -> Draft:
    """Two amounts known by their sum and their difference."""
    (one, two), item = dice.two_of(NAMES[language]), dice.choose(ITEMS)
    less = dice.between(1, 40)
    more = less + dice.between(1, 30)
    work = Working()
    doubled = work.step("twice the larger is", "较多的两倍是", more + less, "+", more - less)
    answer = work.step("the larger is", "较多的是", doubled, "/", 2)
    asked_for = one
    if dice.chance(500):
        answer = work.step("the smaller is", "较少的是", answer, "-", more - less)
        asked_for = two
    question = {
        "en": f"{one} and {two} have {more + less} {item.en} in total. {one} has {more - less} more than {two}. "
        f"How many does {asked_for} have?",
        "zh": f"{one}和{two}共有{more + less}{item.measure}{item.zh}，{one}比{two}多{more - less}{item.measure}，"
        f"{asked_for}有多少{item.measure}？",
    }[language]
    return finish(question, work, answer)


GROUPS = (
    ("pupils", "walk", "cycle", "名学生", "步行", "骑车"),
    ("guests", "drink tea", "drink milk", "位客人", "喝茶", "喝牛奶"),
    ("players", "sing", "dance", "名队员", "唱歌", "跳舞"),
    ("workers", "read", "draw", "名工人", "看书", "画画"),
)


def proportion(dice: Dice, language: Language) -> Draft:
    """Two groups among a round number of people: their share, or that of all others, in per cent."""
    name, (en, one, two, zh, one_zh, two_zh) = dice.choose(NAMES[language]), dice.choose(GROUPS)
    whole = dice.choose((20, 25, 40, 50, 100))  # every share of these ends within three decimal places
    together = dice.between(4, whole - 1)
    first = dice.between(2, together - 2)
    work = Working()
    count = work.step("the two groups are", "两组共有", first, "+", together - first)
    asked: dict[Language, tuple[str, ...]] = {
        "en": (f"What percentage of the {en} {one} or {two}?", "What percentage are these two groups?"),
        "zh": (f"{one_zh}或{two_zh}的占百分之几？", "这两组占百分之几？"),
    }
    if dice.chance(400):
        count = work.step("the others are", "其余有", whole, "-", count)
        asked = {
            "en": ("What percentage do neither?", f"What percentage of the {en} are the others?"),
            "zh": ("其余的占百分之几？", "剩下的占百分之几？"),
        }
    share = work.step("the share is", "占", count, "/", whole)
    answer = work.step("in percent this is", "化成百分数是", share, "*", 100)
    story = {
        "en": f"{name} asks {whole} {en}: {first} {one} and {together - first} {two}. ",
        "zh": f"{name}问了{whole}{zh}：{first}{zh[0]}{one_zh}，{together - first}{zh[0]}{two_zh}。",
    }[language]
    return finish(story + dice.choose(asked[language]), work, DraftAnswer("percent", (answer,)), decimal=True)


def weighing(dice: Dice, language: Language) -> Draft:
    """Equal bags in a box: the mass in kilograms, as a decimal."""
    name, item = dice.choose(NAMES[language]), dice.choose(ITEMS)
    bag, bags = Fraction(dice.between(2, 30), 10), dice.between(2, 9)
    box = Fraction(dice.between(1, 19), 10)
    bag_text, box_text = ended_decimal(bag), ended_decimal(box)
    work = Working()
    contents = work.step("the bags weigh", "袋子共重", bag, "*", bags)
    answer = work.step("with the box it is", "加上箱子是", contents, "+", box)
    question = {
        "en": f"A bag of {item.en} weighs {bag_text} kg. {name} packs {bags} bags into a box of {box_text} kg. ",
        "zh": f"一袋{item.zh}重{bag_text}千克，{name}把{bags}袋装进重{box_text}千克的箱子。",
    }[language]
    asked: dict[Language, tuple[str, ...]] = {
        "en": ("What is the total mass in kg?", "How many kg is that in all?"),
        "zh": ("一共重多少千克？", "总重是多少千克？"),
    }
    return finish(question + dice.choose(asked[language]), work, answer, decimal=True)
