"""Errors in words of nobody's table → what they are most likely about; only this module reads sentences for it.

Every gateway has sentences of its own for the same few troubles, in two languages. A topic is told by two kinds of word
that stand close to each other: what is short (a balance) and what has become of it (used up).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

_GAP = 48
"""Letters between two words that belong to one statement."""
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[_.\-/]+")
_MOST_LETTERS = 600


def _near(one: str, other: str) -> str:
    """Both words, in either order, within one statement."""
    return rf"(?:{one})[^.!?。！？]{{0,{_GAP}}}(?:{other})|(?:{other})[^.!?。！？]{{0,{_GAP}}}(?:{one})"


# Who pays, and what has become of it.
_FUNDS = (
    r"\b(?:balance|credits?|funds|wallet|prepaid|free (?:tier|inference|quota|trial|requests)|trial|subscription"
    r"|account quota|billing account|included usage"
    r"|(?<!thinking )(?<!reasoning )(?<!token )budget|spend(?:ing)?)\b|余额|额度|套餐|资源包|免费|试用|点数|积分|配额"
)
_GONE = (
    r"insufficient|enough|exhaust|deplet|used (?:it )?(?:all )?up|used all|run out|ran out|out of|no (?:more|remaining)"
    r"|too low|below|negative|overdue|expired|ended|exceed|reached|consumed|disabled|no longer active"
    r"|不足|用完|用尽|耗尽|已用|不够|超限|上限|到期|过期|结束|小于|低于|为 ?0"
)
_LONG_TIME = (
    r"\b(?:daily|per day|a day|today|weekly|monthly|per month|this month|5-hour)\b"
    r"|今日|当日|每日|每天|本月|每月|每周"
)
_USED_UP = r"(?:limit|quota|cap|上限|限额|次数|额度)\w*[^.。]{0,20}(?:reach|exceed|hit|used)|reached|已?达|上限"
_TO_PAY = (
    r"top.?up|recharge|unpaid|overdue|arrears|past.due|service has been paused|usage limit exceeded|充值|欠费|欠款"
)
# What comes too fast.
_FAST = (
    r"\b(?:rate|qps|rpm|tpm|concurren\w*|parallel|frequen\w*|traffic|requests? (?:per|a) \w+|requests? too)\b"
    r"|频率|并发|速率|流量|次数|请求数|请求过|每分钟"
)
_LIMITED = r"limit|exceed|too (?:many|high|fast|quick)|reached|full|过高|过快|过多|过于|太|超|上限|限制"
_TO_WAIT = (
    r"too many (?:requests|calls|tokens)|throttl|slow(?:ing)? down|\bbusy\b|queue is full|overload"
    r"|limit exceeded|限流|频繁|繁忙|负载|过载|排队|超过限额"
)
# What may not be asked or said.
_UNWANTED = (
    r"(?<![a-z])sensitive\b|\bflagged\b|moderation|content policy|policy violation|usage polic|considered high risk"
    r"|\bunsafe\b|prohibited content|inappropriate|harmful content|safety (?:system|filter)|content safety|guardrail"
    r"|violat\w+ (?:our |the )?(?:terms|polic\w+|usage|guidelines)"
    r"|敏感|违规|违禁|违法|不合规|(?:安全|内容)审核|不当内容"
)
# What is longer than the model can take.
_INPUT = (
    r"\b(?:input|prompts?|prompt_tokens|messages?|question|request|tokens?|sequence)\b"
    r"|输入|上下文|内容|文本|问题|token数"
)
_TOO_LONG = (
    r"too long|too large for|max(?:imum)? (?:context|seq\w*|input|length)|max_?(?:seq|model)_?len\w*|context length"
    r"|token limit|max length of|过长|(?:长度|上下文|token数|字数).{0,12}超|超.{0,12}(?:长度|上下文|限制)"
)
_LENGTH = (
    r"\b(?:prompt(?:[_ ](?:tokens|length))?|input (?:tokens?|length)|sequence|context(?: (?:size|window|length))?)\b"
    r"|total tokens|(?:输入|消息|上下文|文本|内容|问题|总)[^。]{0,6}(?:长度|字数|token)"
)
_OVER = r"exceed|longer than|too many|greater than|超"
# Who may not ask at all, and of what there is none.
_KEY = (
    r"\b(?:api[ -]?key|secret|credentials?|access key|signature|auth(?:entication|ori[sz]ation)?|login"
    r"|security token)\b"
    r"|\btoken(?=无效|已?过期|错误)|密钥|鉴权|认证|令牌|身份验证|签名"
)
_WRONG = (
    r"invalid|incorrect|wrong|\bbad\b|required|fail|missing|expired|revoked|unauthori[sz]ed|denied|not valid"
    r"|could not be validated|carry the|错误|失败|无效|过期|缺少|不正确|不合法|不匹配"
)
_MODEL = r"\b(?:model|deployment|checkpoint)s?\b|模型"
_NO_SUCH = (
    r"not (?:found|exist|available|valid|deployed|enabled|activated|a valid)|does(?:n[o']t| not) exist|no such|unknown"
    r"|invalid (?:model|deployment)|identifier is invalid|decommission|retired|deprecated|discontinu|sunset|no longer"
    r"|is(?:n['’]t| not) supported|unsupported (?:model|deployment)|not supported by any|disabled|inaccessible"
    r"|not loaded|no models?\b|未找到|不存在|不可用|不支持的|不支持该|废弃|下线|停用|未开通|无权|没有权限|已关闭"
)
_ACCOUNT = r"\b(?:account|organi[sz]ation|user|project|workspace)\b|账号|账户|用户|帐号"
_CLOSED = r"suspend|restrict|banned|deactivat|blocked|closed|封禁|冻结|停用|禁用|实名|identity verification"
_NOT_OPEN = (
    r"provider not provided|unexpected endpoint|not activated|not authori[sz]ed|no permission|未开通|没有权限|无权访问"
)
_ACCIDENT = (
    r"internal (?:server )?error|(?:server|backend|upstream) (?:error|timeout)|service unavailable|no available channel"
    r"|timed? ?out|temporar(?:y|ily) (?:failure|unavailable)|内部错误|系统错误|服务异常|无可用渠道|稍后[再重]试|请重试"
)

_AT_ONCE = re.compile(r"per (?:minute|min|second|sec)\b|[rtq]p[ms]\b|每分钟|每秒", re.IGNORECASE | re.ASCII)
"""A limit of so short a time is no lack of money, whosever it is."""
_CULPRIT = re.compile(
    r"param(?:eter)?s?\b|argument|参数|字段|\bstream|temperature|\bseed\b|thinking|\b[a-z]+_[a-z_]+\b"
    r"|not supported (?:with|by|for|on|in) (?!any)|(?:for|with|by|on) (?:this|the) model",
    re.IGNORECASE,
)
"""What a complaint about the request's form names: the model is not at fault then."""
_KINDS: Sequence[tuple[str, Sequence[str], re.Pattern[str] | None]] = (
    ("money", (_near(_FUNDS, _GONE), _near(_LONG_TIME, _USED_UP), _TO_PAY), _AT_ONCE),
    ("content_filter", (_UNWANTED,), None),
    ("context_length", (_near(_INPUT, _TOO_LONG), _near(_LENGTH, _OVER)), None),
    ("throttle", (_near(_FAST, _LIMITED), _TO_WAIT), None),
    ("fatal", (_near(_KEY, _WRONG),), None),
    ("fatal", (_near(_MODEL, _NO_SUCH), _near(_ACCOUNT, _CLOSED), _NOT_OPEN), _CULPRIT),
    ("transient", (_ACCIDENT,), _CULPRIT),
)
"""Kind, words, and words beside which these do not count; in the order in which they are looked for, as who has no
money is often told to slow down too."""


@lru_cache(256)
def guess_kind(codes: tuple[str, ...], message: str) -> str | None:
    """The kind of error that codes and words tell of; None where they tell of none."""
    said = " ".join((*(_CAMEL.sub(" ", code) for code in codes), message))[:_MOST_LETTERS]
    for kind, patterns, stays_off in _KINDS:
        if stays_off is not None and stays_off.search(message):
            continue
        if any(re.search(pattern, said, re.IGNORECASE | re.ASCII) for pattern in patterns):
            return kind
    return None
