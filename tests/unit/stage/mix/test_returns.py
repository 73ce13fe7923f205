"""Who hears whom, told apart by tones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.base.ids import ParticipantId
from hustings.media.pcm import Pcm
from hustings.stage.mix.mixer import Mixer
from hustings.stage.mix.returns import GREEN, OWN, PROGRAM, Return, Spoken, returns
from tests.fakes.sounds import tone

HERTZ = {"host": 300, "anna": 500, "bert": 700, "gina": 900, "gus": 1_100, "gert": 1_300}
STAGE = ("host", "anna", "bert")
BACKSTAGE = ("gina", "gus", "gert")


def hear(
    *, speaking: str, talks: dict[str, str] | None = None
) -> tuple[dict[ParticipantId, Return], Pcm]:
    """Everybody's return, and the program; people of a talk are kept from the mixer as `Sound` does."""
    partners = {**(talks or {}), **{guest: host for host, guest in (talks or {}).items()}}
    pcm = {ParticipantId(who): tone(960, HERTZ[who], 0.1) for who in speaking.split()}
    private = {who: pcm.pop(who) for who in list(pcm) if who in partners}
    mixed = Mixer().mix({who: sound for who, sound in pcm.items() if who in STAGE})
    backstage = {who: sound for who, sound in pcm.items() if who in BACKSTAGE}
    heard = returns(
        map(ParticipantId, HERTZ),
        mixed,
        Spoken(backstage, private),
        green={"host", *BACKSTAGE},
        partners=partners,
    )
    return heard, mixed.program


def tones(pcm: Pcm) -> set[str]:
    """Who is in it: each tone is a bin of 50 Hz of its own."""
    spectrum = np.abs(np.fft.rfft(pcm)) / 480
    return {who for who, hertz in HERTZ.items() if spectrum[hertz // 50] > 0.01}


def test_on_stage_one_hears_the_stage_without_oneself() -> None:
    heard, program = hear(speaking="host anna gina")
    assert tones(program) == {"host", "anna"}
    assert tones(heard["anna"].pcm) == {"host"}
    assert tones(heard["bert"].pcm) == {"host", "anna"}
    assert heard["bert"].shared == PROGRAM


def test_in_the_green_room_all_hear_each_other_and_the_stage_and_hosts_hear_them() -> None:
    heard, _ = hear(speaking="anna gina gus")
    assert tones(heard["gina"].pcm) == {"anna", "gus"}
    assert tones(heard["gert"].pcm) == {"anna", "gina", "gus"}
    assert tones(heard["host"].pcm) == {"anna", "gina", "gus"}
    assert tones(heard["bert"].pcm) == {"anna"}
    assert heard["gert"] is not heard["gina"]
    assert [heard[who].shared for who in ("gert", "host", "gina", "bert")] == [
        GREEN, GREEN, OWN, PROGRAM
    ]  # fmt: skip
    assert heard["gert"].pcm is heard["host"].pcm  # one encode


def test_a_private_talk_is_heard_by_the_two_alone_over_the_rest() -> None:
    heard, program = hear(speaking="host anna gina gus", talks={"host": "gina"})
    assert tones(program) == {"anna"}
    assert tones(heard["host"].pcm) == {"gina", "anna", "gus"}
    assert tones(heard["gina"].pcm) == {"host", "anna", "gus"}
    for who in ("anna", "bert", "gus", "gert"):
        assert not tones(heard[who].pcm) & {"host", "gina"}, who
    spectrum = np.abs(np.fft.rfft(heard["gina"].pcm))
    ratio = spectrum[HERTZ["host"] // 50] / spectrum[HERTZ["anna"] // 50]
    assert 20 * np.log10(ratio) == pytest.approx(12, abs=0.1)


@given(st.sets(st.sampled_from(sorted(HERTZ))), st.sampled_from(BACKSTAGE))
def test_whoever_speaks_a_talk_stays_between_two_and_nobody_hears_themselves(
    speaking: set[str], guest: str
) -> None:
    heard, program = hear(speaking=" ".join(sorted(speaking)), talks={"host": guest})
    assert not tones(program) & {"host", *BACKSTAGE}
    for who, (_, pcm) in heard.items():
        assert who not in tones(pcm)
        assert np.abs(pcm).max() < 1
        if who not in {"host", guest}:
            assert not tones(pcm) & {"host", guest}
