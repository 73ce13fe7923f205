"""Names as people may see them, and names that pass for another. Pure.

`clean` takes out what changes how a text around it reads (control and direction characters, heaps
of accents); pages show names in `<bdi>` and never as HTML. `skeleton` is what a name looks like:
two names with one skeleton can be taken for each other. It follows the idea of Unicode UTS #39
(NFKD, fold, map look-alikes to one prototype) with a small table of our own: the letters of
Cyrillic, Greek and Armenian, digits and pairs that look like Latin ones in common fonts. It does
not find every trick; hosts see a plain warning, and nobody is refused for a name.
`stage.room` calls both.
"""

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

NAME_CHARS: Final = 80
_MARKS: Final = 3  # combining marks on one letter; more is a heap, no writing system needs it
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_JOINERS: Final = "\u200c\u200d"  # Persian, Hindi, Sinhala ... are misspelt without them
_CASELESS: Final = frozenset({"Lo", "Mn", "Mc"})
_BLANK: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")  # letters that show nothing

# Look-alikes, after NFKD: pairs "seen=read as". Greek capitals look like other letters than small ones.
_TABLE: Final = """
    Cyrillic:   а=a в=b ԁ=d е=e ғ=f ԍ=g һ=h н=h і=i ј=j к=k ӏ=l м=m п=n о=o р=p ԛ=q ѕ=s т=t ѵ=v
                ԝ=w х=x у=y ү=y ь=b ё=e є=e с=c
    Greek:      α=a β=b ε=e η=n ι=i κ=k ν=v ο=o ρ=p τ=t υ=u χ=x γ=y ω=w σ=o ϲ=c ϳ=j μ=u ζ=z δ=d
    capitals:   Α=a Β=b Ε=e Ζ=z Η=h Ι=i Κ=k Μ=m Ν=n Ο=o Ρ=p Τ=t Υ=y Χ=x
    Armenian:   օ=o ս=u ո=n հ=h ց=g զ=q յ=j
    Latin:      ı=l ɑ=a ɡ=g ł=l ø=o đ=d ħ=h ŧ=t ß=ss æ=ae œ=oe ꞵ=b ɩ=i ʟ=l
    numbers:    0=o 1=l 3=e 5=s 8=b |=l $=s
"""
_ALIKE: Final = dict(pair.split("=") for pair in _TABLE.split() if "=" in pair)
_PAIRS: Final = (("rn", "m"), ("vv", "w"))


def clean(text: str, limit: int = NAME_CHARS) -> str:
    """Text as people may see it: no control or direction characters, one space, bounded."""
    text = unicodedata.normalize("NFC", text[: 8 * limit])
    kept: list[str] = []
    marks = 0
    for place, c in enumerate(text):
        category = unicodedata.category(c)
        marks = marks + 1 if category in {"Mn", "Me"} else 0
        if marks > _MARKS:
            continue
        hidden = category in _HIDDEN or c in _BLANK
        needed = c in _JOINERS and _between_letters(text, place)
        kept.append(" " if hidden and not needed else c)
    return " ".join("".join(kept).split())[:limit].rstrip()


def _between_letters(text: str, place: int) -> bool:
    """Whether a joiner stands where writing needs it: between letters that have no case."""
    around = text[max(0, place - 1) : place] + text[place + 1 : place + 2]
    return len(around) == 2 and all(unicodedata.category(c) in _CASELESS for c in around)


@lru_cache(maxsize=4_096)
def skeleton(name: str) -> str:
    """What a name looks like, without case, accents, spaces and punctuation; "" for no letters."""
    seen = "".join(_ALIKE.get(c) or _fold(c) for c in unicodedata.normalize("NFKD", name))
    letters = "".join(c for c in seen if c.isalnum())
    letters = letters.replace("i", "l")  # capital I, small l
    for pair, one in _PAIRS:
        letters = letters.replace(pair, one)
    return letters


def _fold(c: str) -> str:
    return "".join(_ALIKE.get(each, each) for each in unicodedata.normalize("NFKD", c.casefold()))


def alike(name: str, others: Iterable[str]) -> str:
    """The first of `others` that `name` can be taken for; "" if there is none."""
    seen, folded = skeleton(name), name.casefold()
    if not seen:
        return ""
    return next(
        (each for each in others if skeleton(each) == seen or each.casefold() == folded), ""
    )
