"""Who hears what: on stage, in the green room, in private. Pure.

On stage one hears the program without oneself. Backstage, and as a host anywhere, one also hears all
who are backstage, without oneself. Two who talk in private hear each other, and the rest 12 dB
down. Nothing of backstage or of a private talk is in the program: the mixer never gets it.

All who hear the same get the same array under one name, so that one encode serves them; only
who speaks, or talks in private, needs one of their own. Called by `stage.sound` each tick.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Final, NamedTuple

import numpy as np

from hustings.base.ids import ParticipantId
from hustings.media.pcm import SILENCE, Pcm
from hustings.stage.mix.mixer import Mixed, limited

PROGRAM: Final = "program"
GREEN: Final = "green"  # the program and everybody backstage
OWN: Final = ""

_DIMMED: Final = np.float32(0.25)  # -12 dB


class Return(NamedTuple):
    """What one person hears in a tick; `shared`: PROGRAM, GREEN or OWN."""

    shared: str
    pcm: Pcm


class Spoken(NamedTuple):
    """Voices of one tick that the program does not have."""

    backstage: dict[ParticipantId, Pcm]
    private: dict[ParticipantId, Pcm]  # of those who talk in private, hosts and guests


def returns(
    listeners: Iterable[ParticipantId],
    mixed: Mixed,
    spoken: Spoken,
    *,
    green: Collection[str],
    partners: Mapping[str, str],
) -> dict[ParticipantId, Return]:
    """What each listener hears. green: who hears backstage; partners: who talks with whom."""
    behind = list(spoken.backstage.values())
    everybody = _sum([mixed.program, *behind]) if behind else mixed.program
    heard: dict[ParticipantId, Return] = {}
    for who in listeners:
        own = mixed.minus.get(who, mixed.program)
        shared = PROGRAM if own is mixed.program else OWN
        if behind and who in green:
            if own is mixed.program and who not in spoken.backstage:
                own, shared = everybody, GREEN
            else:
                others = [pcm for other, pcm in spoken.backstage.items() if other != who]
                own, shared = _sum([own, *others]), OWN
        if who in partners:
            word = spoken.private.get(ParticipantId(partners[who]), SILENCE)
            own, shared = limited(own * _DIMMED + word), OWN
        heard[who] = Return(shared, own)
    return heard


def _sum(sounds: list[Pcm]) -> Pcm:
    return limited(np.sum(sounds, axis=0, dtype=np.float32))
