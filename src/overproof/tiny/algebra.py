"""Problems stated as formulas: four families, whose answers are numbers, ordered pairs and intervals."""

from __future__ import annotations

from overproof.tiny.dice import Dice
from overproof.tiny.drafts import Draft, DraftAnswer, Language, Operand, Operator, Result, Working, finish


def expression(dice: Dice, language: Language) -> Draft:
    """An arithmetic expression with brackets or operator precedence."""
    a, b, c, d = dice.between(2, 9), dice.between(2, 15), dice.between(2, 15), dice.between(2, 40)
    work = Working()

    def then(left: Operand, operator: Operator, right: Operand) -> Result:
        return work.step("this gives", "得到", left, operator, right)

    shape = dice.below(4)
    if shape == 0:
        text, answer = f"{a} * ({b} + {c}) - {d}", then(then(a, "*", then(b, "+", c)), "-", d)
    elif shape == 1:
        text, answer = f"{a} * {b} + {c} - {d}", then(then(then(a, "*", b), "+", c), "-", d)
    elif shape == 2:
        text, answer = f"({a * b} / {a} + {c}) * {d % 3 + 2}", then(then(then(a * b, "/", a), "+", c), "*", d % 3 + 2)
    else:
        text, answer = f"{d} + {a} * {b} + {c}", then(then(d, "+", then(a, "*", b)), "+", c)
    asked: dict[Language, tuple[str, ...]] = {
        "en": (f"Compute {text}.", f"What is {text}?", f"Evaluate {text}."),
        "zh": (f"计算{text}。", f"{text}等于多少？", f"求{text}的值。"),
    }
    return finish(dice.choose(asked[language]), work, answer)


def times(factor: int, unknown: str) -> str:
    """The term as one writes it: x, 2x."""
    return unknown if factor == 1 else f"{factor}{unknown}"


def linear_equation(dice: Dice, language: Language) -> Draft:
    """A linear equation with an integer root, the unknown on one side or on both."""
    unknown = dice.choose("xyzkmnt")
    root, a, b = dice.between(-9, 12), dice.between(2, 9), dice.between(1, 30)
    work = Working()
    if dice.chance(500):
        equation = f"{a}{unknown} + {b} = {a * root + b}"
        scaled = work.step(f"{a}{unknown} is", f"{a}{unknown}等于", a * root + b, "-", b)
        answer = work.step(f"{unknown} is", f"{unknown}等于", scaled, "/", a)
    else:
        k = dice.between(1, a - 1)
        d = (a - k) * root + b
        equation = f"{a}{unknown} + {b} = {times(k, unknown)} {'-' if d < 0 else '+'} {abs(d)}"
        factor = work.step("the factor is", "系数是", a, "-", k)
        constant = work.step("the constant is", "常数是", d, "-", b)
        answer = work.step(f"{unknown} is", f"{unknown}等于", constant, "/", factor)
    asked: dict[Language, tuple[str, ...]] = {
        "en": (f"Solve {equation} for {unknown}.", f"Find {unknown} if {equation}."),
        "zh": (f"解方程{equation}，求{unknown}。", f"若{equation}，{unknown}是多少？"),
    }
    return finish(dice.choose(asked[language]), work, answer)


UNKNOWNS = (("x", "y"), ("a", "b"), ("m", "n"), ("p", "q"), ("u", "v"))


def system_of_equations(dice: Dice, language: Language) -> Draft:
    """Two linear equations in two unknowns; the answer is an ordered pair."""
    (x, y), k = dice.choose(UNKNOWNS), dice.between(1, 4)
    first, second = dice.between(-9, 12), dice.between(-9, 12)
    total, difference = k * first + second, first - second
    pair = f"{times(k, x)} + {y} = {total}", f"{x} - {y} = {difference}"
    work = Working()
    scaled = work.step(f"{k + 1}{x} is", f"{k + 1}{x}等于", total, "+", difference)
    one = work.step(f"{x} is", f"{x}等于", scaled, "/", k + 1)
    two = work.step(f"{y} is", f"{y}等于", one, "-", difference)
    asked: dict[Language, tuple[str, ...]] = {
        "en": (
            f"Solve {pair[0]} and {pair[1]}. Give ({x}, {y}).",
            f"Find the ordered pair ({x}, {y}) with {pair[0]} and {pair[1]}.",
            f"If {pair[0]} and {pair[1]}, what is ({x}, {y})?",
        ),
        "zh": (
            f"解方程组{pair[0]}，{pair[1]}，写出({x}, {y})。",
            f"若{pair[0]}，{pair[1]}，求有序数对({x}, {y})。",
            f"已知{pair[0]}，{pair[1]}，({x}, {y})是多少？",
        ),
    }
    return finish(dice.choose(asked[language]), work, DraftAnswer("pair", (one, two)))


def inequality(dice: Dice, language: Language) -> Draft:
    """A double inequality or one with an absolute value; the answer is an interval."""
    x = dice.choose("xyt")
    opening, closing = dice.choose("(["), dice.choose(")]")
    work = Working()
    if dice.chance(600):
        k, b = dice.between(2, 5), dice.between(1, 20)
        low, high = sorted(dice.two_of(range(-10, 21)))
        below, above = "<" if opening == "(" else "<=", "<" if closing == ")" else "<="
        text = f"{low + b} {below} {k}{x} + {b} {above} {high + b}"
        left = work.step("the lower side is", "左边是", low + b, "-", b)
        right = work.step("the upper side is", "右边是", high + b, "-", b)
        left = work.step("the lower end is", "下限是", left, "/", k)
        right = work.step("the upper end is", "上限是", right, "/", k)
    else:
        centre, radius = dice.between(1, 30), dice.between(1, 30)
        closing = ")" if opening == "(" else "]"
        text = f"|{x} - {centre}| {'<' if opening == '(' else '<='} {radius}"
        left = work.step("the lower end is", "下限是", centre, "-", radius)
        right = work.step("the upper end is", "上限是", centre, "+", radius)
    asked: dict[Language, tuple[str, ...]] = {
        "en": (
            f"Solve {text}. Give the answer as an interval.",
            f"For which {x} is {text}? Write an interval.",
            f"Write the solutions of {text} as an interval.",
        ),
        "zh": (f"解不等式{text}，用区间表示。", f"求{text}的解集，写成区间。", f"{x}在哪个区间内时{text}？"),
    }
    return finish(dice.choose(asked[language]), work, DraftAnswer("interval", (left, right), opening + closing))
