"""`stage.rtc.sdp`: what is taken from an offer, what is refused, what is answered."""

import contextlib
import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hustings.base.errors import PeerError
from hustings.stage.rtc import sdp

DATA = Path(__file__).parents[3] / "data" / "sdp"
AUDIO = (DATA / "chromium_audio.sdp").read_bytes().decode()
MANY = (DATA / "chromium_audio_video_data.sdp").read_bytes().decode()
LINES = AUDIO.split("\r\n")
ENCODERS = {
    name: (DATA / f"{name}.sdp").read_bytes().decode()
    for name in ("obs_30", "obs_30_candidates", "gstreamer_1_22", "ffmpeg_8")
}
LOCAL = sdp.Local(
    session=7,
    ufrag="ours",
    password="p" * 22,
    fingerprint="AB:" * 31 + "AB",
    ssrc=99,
    candidates=("1 1 udp 2130706431 10.0.0.5 40000 typ host", "2 1 udp 9 203.0.113.9 5 typ srflx"),
)


def without(pattern: str, text: str = AUDIO) -> str:
    changed = re.sub(rf"(?m)^{pattern}.*\r\n", "", text)
    assert changed != text
    return changed


def reason(text: str | bytes) -> str:
    with pytest.raises(PeerError) as refusal:
        sdp.read_offer(text)
    assert refusal.value.code == "sdp_bad"
    return refusal.value.title


def test_the_facts_of_a_browsers_offer() -> None:
    offer = sdp.read_offer(AUDIO)
    assert (offer.payload_type, offer.setup, offer.bundled) == (111, "actpass", True)
    assert (offer.sends, offer.receives) == (True, True)
    assert (offer.ufrag, offer.password) == ("8Ng5", "fdGpqMbDfwIbI1yEjpfRQAQZ")
    assert [algorithm for algorithm, _ in offer.fingerprints] == ["sha-256"]
    assert offer.candidates == (
        "582408895 1 udp 2122194687 192.0.2.2 60043 typ host",
        "3922729823 1 udp 2122265343 fd00::2 34676 typ host",
    )


def test_the_answer_asks_for_fec_and_nothing_else() -> None:
    answer = sdp.write_answer(sdp.read_offer(AUDIO), LOCAL, returns=True)
    lines = answer.split("\r\n")
    assert "m=audio 40000 UDP/TLS/RTP/SAVPF 111" in lines
    assert "a=fmtp:111 minptime=10;useinbandfec=1;maxaveragebitrate=32000;stereo=0" in lines
    assert {"a=sendrecv", "a=setup:active", "a=mid:0", "a=group:BUNDLE 0", "a=rtcp-mux"} <= {*lines}
    assert [line for line in lines if "candidate" in line] == [
        "a=candidate:1 1 udp 2130706431 10.0.0.5 40000 typ host",
        "a=candidate:2 1 udp 9 203.0.113.9 5 typ srflx",
        "a=end-of-candidates",
    ]
    assert "8Ng5" not in answer
    assert "192.0.2.2" not in answer


def test_an_advertised_address_replaces_the_hosts_own() -> None:
    answer = sdp.write_answer(sdp.read_offer(AUDIO), LOCAL, returns=True, advertise="198.51.100.7")
    assert "a=candidate:1 1 udp 2130706431 198.51.100.7 40000 typ host" in answer
    assert "c=IN IP4 198.51.100.7" in answer
    assert "203.0.113.9" in answer  # what a STUN server saw stays
    assert "10.0.0.5" not in answer


@pytest.mark.parametrize(
    ("offered", "returns", "answered"),
    [
        ("sendrecv", True, "sendrecv"),
        ("sendrecv", False, "recvonly"),
        ("sendonly", True, "recvonly"),
        ("sendonly", False, "recvonly"),
        ("recvonly", True, "sendonly"),
        ("recvonly", False, "inactive"),
        ("inactive", True, "inactive"),
    ],
)
def test_direction(offered: str, returns: bool, answered: str) -> None:
    offer = sdp.read_offer(AUDIO.replace("a=sendrecv", f"a={offered}"))
    answer = sdp.write_answer(offer, LOCAL, returns=returns)
    assert f"\r\na={answered}\r\n" in answer
    assert ("a=ssrc:" in answer) == (answered in {"sendrecv", "sendonly"})


def test_video_and_data_are_refused_in_their_places() -> None:
    offer = sdp.read_offer(MANY)
    assert [section.kind for section in offer.sections] == ["audio", "video", "application"]
    answer = sdp.write_answer(offer, LOCAL, returns=True)
    headers = re.findall(r"(?m)^m=(\w+) (\d+)", answer)
    assert headers == [("audio", "40000"), ("video", "0"), ("application", "0")]
    assert "a=group:BUNDLE 0\r\n" in answer
    assert answer.count("a=inactive") == 2


def test_sound_that_comes_after_video_is_found() -> None:
    head, audio, video, _ = re.split(r"(?m)^(?=m=)", MANY)
    offer = sdp.read_offer(head + video + audio)
    assert offer.audio == 1
    answer = sdp.write_answer(offer, LOCAL, returns=False)
    assert answer.index("m=video 0") < answer.index("m=audio 40000")


@pytest.mark.parametrize(("offered", "answered"), [("active", "passive"), ("passive", "active")])
def test_setup(offered: str, answered: str) -> None:
    offer = sdp.read_offer(AUDIO.replace("a=setup:actpass", f"a=setup:{offered}"))
    assert f"a=setup:{answered}" in sdp.write_answer(offer, LOCAL, returns=True)


def test_transport_lines_may_stand_in_the_session_part() -> None:
    moved = [line for line in LINES if re.match("a=(ice-ufrag|ice-pwd|fingerprint|setup):", line)]
    rest = [line for line in LINES if line not in moved]
    assert sdp.read_offer("\r\n".join([*rest[:4], *moved, *rest[4:]])).ufrag == "8Ng5"


def test_lines_may_end_in_newlines_and_there_may_be_no_mid() -> None:
    offer = sdp.read_offer(without("a=mid", without("a=group")).replace("\r\n", "\n"))
    answer = sdp.write_answer(offer, LOCAL, returns=True)
    assert "a=mid" not in answer
    assert "a=group" not in answer


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "v=0"),
        ("GET / HTTP/1.1\r\n", "v=0"),
        (b"v=0\r\n\xff\xfe", "UTF-8"),
        (AUDIO + "a=x:" + "y" * 16_384, "16 KiB"),
        ("v=0\r\n", "0 audio lines"),
        (AUDIO + AUDIO[AUDIO.index("m=audio") :], "2 audio lines"),
        (AUDIO.replace("m=audio 60043", "m=audio 0"), "0 audio lines"),
        (AUDIO.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"), "DTLS"),
        (without("a=rtcp-mux"), "rtcp-mux"),
        (without("a=ice-ufrag"), "ice-ufrag"),
        (without("a=ice-pwd"), "ice-pwd"),
        (AUDIO.replace("a=ice-pwd:f", "a=ice-pwd:\x00"), "ice-pwd"),
        (without("a=fingerprint"), "fingerprint"),
        (AUDIO.replace("sha-256 2E:", "sha-256 "), "fingerprint"),
        (AUDIO.replace("sha-256", "md5"), "fingerprint"),
        (without("a=setup"), "setup"),
        (AUDIO.replace("a=extmap-allow-mixed", "a=ice-lite"), "ICE-lite"),
        (AUDIO.replace("a=mid:0", "a=mid:0 a=evil"), "mid"),
        (AUDIO + "".join(f"a=candidate:{n}\r\n" for n in range(61)), "64 candidates"),
        (AUDIO + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n" * 16, "m= lines"),
        (AUDIO + "m=video\r\n", "m= lines"),
    ],
)
def test_what_is_refused_says_why(text: str | bytes, said: str) -> None:
    assert said in reason(text)


@pytest.mark.parametrize(
    "text",
    [
        AUDIO.replace("opus/48000/2", "ILBC/8000"),
        AUDIO.replace("rtpmap:111 opus", "rtpmap:112 opus"),
        AUDIO.replace(" 111", " 72").replace(":111", ":72"),
        AUDIO.replace("opus/48000/2", "PCMU/8000"),
    ],
)
def test_sound_that_is_not_opus_is_refused_by_a_code_of_its_own(text: str) -> None:
    with pytest.raises(PeerError) as refusal:
        sdp.read_offer(text)
    assert (refusal.value.code, refusal.value.problem()["status"]) == ("opus_missing", 406)


@pytest.mark.parametrize("name", ENCODERS)
def test_encoders_are_answered_recvonly_and_their_picture_is_refused(name: str) -> None:
    offer = sdp.read_offer(ENCODERS[name])
    answer = sdp.write_answer(offer, LOCAL, returns=False)
    mids = re.findall(r"(?m)^a=mid:(\S+)", ENCODERS[name])
    assert re.findall(r"(?m)^a=mid:(\S+)", answer) == mids  # in the offer's order
    ports = dict(re.findall(r"(?m)^m=(\w+) (\d+)", answer))
    assert ports in ({"audio": "40000", "video": "0"}, {"audio": "40000"})
    assert f"\r\na=group:BUNDLE {mids[offer.audio]}\r\n" in answer  # RFC 8843: without the refused
    assert answer.count("a=recvonly") == 1
    assert "a=ssrc" not in answer
    asked = f"a=fmtp:{offer.payload_type} minptime=10;useinbandfec=1;maxaveragebitrate=96000"
    assert asked in answer
    sections = answer.split("\r\nm=")[1:]
    assert all("a=fingerprint:" in each and "a=ice-ufrag:ours" in each for each in sections)
    assert [each.count("a=candidate:") for each in sections].count(0) == len(sections) - 1


def test_who_begins_dtls_with_encoders() -> None:
    assert {sdp.our_setup(sdp.read_offer(text)) for text in ENCODERS.values()} == {"active"}
    begun = ENCODERS["ffmpeg_8"].replace("passive", "active")
    assert sdp.our_setup(sdp.read_offer(begun)) == "passive"


def test_a_bundled_section_may_leave_its_transport_to_the_groups_first() -> None:
    video, audio = ENCODERS["gstreamer_1_22"].split("m=audio")
    bare = without("a=fingerprint", without("a=ice-(ufrag|pwd)", without("a=setup", audio)))
    offer = sdp.read_offer(f"{video}m=audio{bare}")
    assert (offer.ufrag, offer.bundled) == ("DZTGBII8J8YIw8kLgbaqVTWtTpzn9spK", True)


def test_only_numeric_udp_candidates_are_kept() -> None:
    more = [
        "1 1 udp 5 2f1c.local 5 typ host",
        "2 1 tcp 5 10.1.1.1 5 typ host",
        "3 2 udp 5 10.1.1.1 5 typ host",
        "4 1 UDP 5 10.1.1.1 5 typ srflx raddr 10.0.0.1 rport 9",
        "5 1 udp 5 999.1.1.1 5 typ host",
        "6 1 udp 5 10.1.1.1 70000 typ host",
    ]
    offer = sdp.read_offer(without("a=candidate") + "".join(f"a=candidate:{c}\r\n" for c in more))
    assert offer.candidates == ("4 1 udp 5 10.1.1.1 5 typ srflx",)


@given(st.one_of(st.text(), st.binary(), st.text().map(lambda tail: AUDIO + tail)))
@example("v=0\r\nm=audio ٣ UDP/TLS/RTP/SAVPF ٣\r\n")
@example("v=0\r\n\ud800")
def test_garbage_raises_nothing_but_a_peer_error(text: str | bytes) -> None:
    with contextlib.suppress(PeerError):
        sdp.write_answer(sdp.read_offer(text), LOCAL, returns=True)


@given(st.data())
def test_a_damaged_offer_raises_nothing_but_a_peer_error(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from([AUDIO, MANY, *ENCODERS.values()]))
    whole = text.split("\r\n")
    lines = list(data.draw(st.permutations(whole)) if data.draw(st.booleans()) else whole)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        place = data.draw(st.integers(0, len(lines[at])))
        kept = data.draw(st.integers(0, 3))
        lines[at] = lines[at][:place] + data.draw(st.text(max_size=4)) + lines[at][place + kept :]
    with contextlib.suppress(PeerError):
        answer = sdp.write_answer(sdp.read_offer("\r\n".join(lines)), LOCAL, returns=True)
        assert answer.isascii()  # whatever survives is of the alphabet that the patterns allow
        assert answer.count("\r\n") == answer.count("\n") == answer.count("\r")
