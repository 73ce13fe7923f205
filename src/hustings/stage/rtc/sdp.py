"""What is taken from an SDP offer, and the answer that is written to it; pure.

Keeps true: no line that a stranger wrote travels further. `read_offer` takes from the text the
dozen facts that one Opus connection needs, each held against a pattern; `write_answer` is made
from facts alone. Video, data and whatever else is offered beside the sound is answered with
port 0 (RFC 8829 5.3.1): refused without an error. Called by `stage.rtc.peers`.

Sources: RFC 8866 (SDP), 8829 (JSEP), 8839 (ICE), 8843 (BUNDLE), 7587 (Opus).
"""

import ipaddress
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from hustings.base.errors import PeerError

MAX_BYTES: Final = 16 * 1024
MAX_SECTIONS: Final = 16
MAX_CANDIDATES: Final = 64

# Chromium sends FEC only if the answer asks for it, and obeys maxaveragebitrate.
OPUS_PARAMETERS: Final = "minptime=10;useinbandfec=1;maxaveragebitrate={bitrate};stereo=0"
VOICE_BITRATE: Final = 32_000
ENCODER_BITRATE: Final = 96_000  # perhaps music; one more encode shall not be heard

OFFERED_TYPE: Final = 111  # payload type of Opus where we offer; browsers use the same

Setup = Literal["active", "passive", "actpass"]

_WORD: Final = r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,64}"
_SECTION: Final = re.compile(
    rf"m=({_WORD}) (\d{{1,5}})(?:/\d{{1,3}})? ([A-Z/]{{1,40}}) (.{{1,600}})", re.ASCII
)
_FORMATS: Final = re.compile(rf"{_WORD}(?: {_WORD}){{0,63}}")
_ATTRIBUTE: Final = re.compile(r"a=([a-zA-Z0-9-]{1,40})(?::(.*))?")
_PROFILES: Final = ("UDP/TLS/RTP/SAVPF", "RTP/SAVPF", "UDP/TLS/RTP/SAVP")
_MID: Final = re.compile(_WORD)
_UFRAG: Final = re.compile(r"[A-Za-z0-9+/]{4,256}")
_PASSWORD: Final = re.compile(r"[A-Za-z0-9+/]{22,256}")
_FINGERPRINT: Final = re.compile(
    r"(sha-(?:256|384|512)) ((?:[0-9A-F]{2}:){31,63}[0-9A-F]{2})", re.IGNORECASE | re.ASCII
)
_OPUS: Final = re.compile(r"(\d{1,3}) opus/48000(?:/2)?", re.IGNORECASE | re.ASCII)
_CANDIDATE: Final = re.compile(
    r"([A-Za-z0-9+/]{1,32}) 1 udp (\d{1,10}) ([0-9A-Fa-f.:]{2,45}) (\d{1,5}) typ (host|srflx|relay)\b.*",
    re.IGNORECASE | re.ASCII,
)


@dataclass(frozen=True)
class Section:
    """One `m=` line of the offer, as far as a refusal must repeat it."""

    kind: str
    profile: str
    formats: tuple[str, ...]
    mid: str


@dataclass(frozen=True)
class Offer:
    """The facts of an offer that we can answer."""

    sections: tuple[Section, ...]
    audio: int  # index of the section that we accept
    ufrag: str
    password: str
    fingerprints: tuple[tuple[str, str], ...]  # (algorithm, "AA:BB:...")
    setup: Setup
    sends: bool
    receives: bool
    payload_type: int  # of Opus
    bundled: bool
    candidates: tuple[str, ...]  # UDP with numeric addresses, in SDP form without "candidate:"


@dataclass(frozen=True)
class Local:
    """Our side of the connection, as `stage.rtc.peers` knows it."""

    session: int  # any number, different for each connection
    ufrag: str
    password: str
    fingerprint: str  # SHA-256, "AA:BB:..."
    ssrc: int
    candidates: tuple[str, ...]  # in SDP form without "candidate:"


def _bad(reason: str) -> PeerError:
    return PeerError("sdp_bad", f"This is not an SDP offer that the stage can answer: {reason}.")


def read_offer(text: str | bytes) -> Offer:
    """Read an offer, or raise PeerError: `sdp_bad` with the reason, `opus_missing` (406).

    text: at most 16 KiB of SDP with exactly one usable audio section that offers Opus.
    """
    session, sections, bodies = _split(_lines(text))
    usable = [
        number
        for number, (section, port, attributes) in enumerate(
            zip(sections, _ports(bodies), bodies, strict=True)
        )
        if section.kind == "audio" and (port or _has(attributes, "bundle-only"))
    ]
    if len(usable) != 1:
        raise _bad(f"it has {len(usable)} audio lines, and one is needed")
    audio = usable[0]
    section, attributes = sections[audio], bodies[audio]
    if section.profile not in _PROFILES:
        raise _bad("its sound is not offered over DTLS")
    if not (_has(attributes, "rtcp-mux") or _has(attributes, "rtcp-mux-only")):
        raise _bad("it does not multiplex RTCP (a=rtcp-mux)")
    if _has(session, "ice-lite"):
        raise _bad("the stage cannot speak to an ICE-lite client")
    direction = _direction(attributes, session)
    group = _bundle(section.mid, session)
    tagged = next(
        (body for each, body in zip(sections, bodies, strict=True) if each.mid == group), []
    )
    where = (attributes, tagged, session)  # bundle-only sections may leave it to the group's first
    return Offer(
        sections=tuple(sections),
        audio=audio,
        ufrag=_one("ice-ufrag", _UFRAG, *where),
        password=_one("ice-pwd", _PASSWORD, *where),
        fingerprints=_fingerprints(*where),
        setup=_setup(*where),
        sends=direction in {"sendrecv", "sendonly"},
        receives=direction in {"sendrecv", "recvonly"},
        payload_type=_opus(section, attributes),
        bundled=bool(group),
        candidates=read_candidates(_all("candidate", attributes, tagged)),
    )


def write_answer(offer: Offer, local: Local, *, returns: bool, advertise: str = "") -> str:
    """The answer: Opus both ways, or to us only; everything else is refused.

    returns: whether sound is sent back (our page: sendrecv; WHIP: recvonly).
    advertise: written instead of our own host addresses (1:1 NAT); empty: as they are.
    """
    candidates = [_advertised(line, advertise) for line in local.candidates]
    lines = ["v=0", f"o=- {local.session} 1 IN IP4 127.0.0.1", "s=-", "t=0 0"]
    mid = offer.sections[offer.audio].mid
    if offer.bundled:
        lines.append(f"a=group:BUNDLE {mid}")
    for number, section in enumerate(offer.sections):
        if number != offer.audio:
            lines += _refused(section) + _transport(local, our_setup(offer))
            continue
        lines += _accepted(offer, local, candidates, returns=returns)
    return "".join(f"{line}\r\n" for line in lines)


def write_offer(local: Local) -> str:
    """What `stage.rtc.caller` offers: Opus both ways, nothing else. The answer is read as an offer is."""
    lines = ["v=0", f"o=- {local.session} 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0"]
    section = Section("audio", _PROFILES[0], (str(OFFERED_TYPE),), "0")
    lines += _opus_section(section, OFFERED_TYPE, local, local.candidates, "sendrecv", "actpass")
    return "".join(f"{line}\r\n" for line in lines)


def _accepted(offer: Offer, local: Local, candidates: Sequence[str], *, returns: bool) -> list[str]:
    section, setup = offer.sections[offer.audio], our_setup(offer)
    direction = _DIRECTIONS[returns and offer.receives, offer.sends]
    bitrate = VOICE_BITRATE if returns else ENCODER_BITRATE
    return _opus_section(section, offer.payload_type, local, candidates, direction, setup, bitrate)


def _opus_section(
    section: Section,
    opus: int,
    local: Local,
    candidates: Sequence[str],
    direction: str,
    setup: Setup,
    bitrate: int = VOICE_BITRATE,
) -> list[str]:
    host, port = candidates[0].split()[4:6] if candidates else ("0.0.0.0", "9")  # noqa: S104
    family = ipaddress.ip_address(host).version
    lines = [f"m=audio {port} {section.profile} {opus}", f"c=IN IP{family} {host}", "a=rtcp-mux"]
    lines += [f"a=mid:{section.mid}"] if section.mid else []
    lines.append(f"a={direction}")
    if direction in {"sendrecv", "sendonly"}:
        lines += ["a=msid:hustings mix", f"a=ssrc:{local.ssrc} cname:hustings"]
    parameters = OPUS_PARAMETERS.format(bitrate=bitrate)
    lines += [f"a=rtpmap:{opus} opus/48000/2", f"a=fmtp:{opus} {parameters}", "a=ptime:20"]
    lines += _transport(local, setup)
    lines += [f"a=candidate:{line}" for line in candidates]
    return [*lines, "a=end-of-candidates"]


def _transport(local: Local, setup: Setup) -> list[str]:
    """Also in what is refused: GStreamer wants a fingerprint in each section."""
    lines = [f"a=ice-ufrag:{local.ufrag}", f"a=ice-pwd:{local.password}"]
    return [*lines, f"a=fingerprint:sha-256 {local.fingerprint}", f"a=setup:{setup}"]


_DIRECTIONS: Final = {  # (we send, we receive)
    (True, True): "sendrecv",
    (True, False): "sendonly",
    (False, True): "recvonly",
    (False, False): "inactive",
}


def our_setup(offer: Offer) -> Literal["active", "passive"]:
    """Who begins DTLS: we do unless the other side insists (RFC 5763 5)."""
    return "passive" if offer.setup == "active" else "active"


def _refused(section: Section) -> list[str]:
    lines = [f"m={section.kind} 0 {section.profile} {section.formats[0]}", "c=IN IP4 0.0.0.0"]
    lines += [f"a=mid:{section.mid}"] if section.mid else []
    return [*lines, "a=inactive"]


def _advertised(candidate: str, address: str) -> str:
    words = candidate.split()
    if address and words[7] == "host":
        words[4] = address
    return " ".join(words)


# Reading. `Attributes` are the (name, value) pairs of one section, in order.
Attributes = list[tuple[str, str]]


def _lines(text: str | bytes) -> list[str]:
    data = text.encode(errors="replace") if isinstance(text, str) else text
    if len(data) > MAX_BYTES:
        raise _bad("it is larger than 16 KiB")
    try:
        lines = re.split(r"\r\n|\n|\r", data.decode())
    except UnicodeDecodeError:
        raise _bad("it is not UTF-8 text") from None
    if lines[0] != "v=0":
        raise _bad("it does not begin with v=0")
    return lines


def read_attributes(text: str) -> Attributes:
    """All `a=` lines of a text, whatever they belong to."""
    found = (_ATTRIBUTE.fullmatch(line) for line in re.split(r"\r\n|\n|\r", text))
    return [(match[1].lower(), match[2] or "") for match in found if match]


def _split(lines: Sequence[str]) -> tuple[Attributes, list[Section], list[Attributes]]:
    """Session attributes, sections, and each section's attributes.

    A section's port is kept as its first attribute, named "" (no SDP attribute has that name).
    """
    session: Attributes = []
    sections: list[Section] = []
    bodies: list[Attributes] = []
    for line in lines:
        if line.startswith("m="):
            match = _SECTION.fullmatch(line)
            if not match or not _FORMATS.fullmatch(match[4]) or len(sections) >= MAX_SECTIONS:
                raise _bad("one of its m= lines cannot be read")
            sections.append(Section(match[1], match[3], tuple(match[4].split(" ")), ""))
            bodies.append([("", match[2])])
        elif match := _ATTRIBUTE.fullmatch(line):
            (bodies[-1] if bodies else session).append((match[1].lower(), match[2] or ""))
    named = [
        Section(section.kind, section.profile, section.formats, _mid(body))
        for section, body in zip(sections, bodies, strict=True)
    ]
    return session, named, bodies


def _ports(bodies: Sequence[Attributes]) -> list[int]:
    return [int(body[0][1]) for body in bodies]


def _all(name: str, *attributes: Attributes) -> Iterator[str]:
    """Values of `name`; of the first list that has any (a section before the session)."""
    for each in attributes:
        values = [value for key, value in each if key == name]
        if values:
            yield from values
            return


def _has(attributes: Attributes, name: str) -> bool:
    return any(key == name for key, _ in attributes)


def _one(name: str, pattern: re.Pattern[str], *attributes: Attributes) -> str:
    value = next(_all(name, *attributes), "")
    if not pattern.fullmatch(value):
        raise _bad(f"a={name} is missing or malformed")
    return value


def _mid(attributes: Attributes) -> str:
    return _one("mid", _MID, attributes) if _has(attributes, "mid") else ""


def _bundle(mid: str, session: Attributes) -> str:
    """The first member of the BUNDLE group that `mid` is in; empty: it is in none."""
    groups = [value.split() for value in _all("group", session)]
    found = (words for words in groups if mid and words[:1] == ["BUNDLE"] and mid in words[1:])
    return next((words[1] for words in found), "")


def _setup(*attributes: Attributes) -> Setup:
    match next(_all("setup", *attributes), ""):
        case "active":
            return "active"
        case "passive":
            return "passive"
        case "actpass":
            return "actpass"
    raise _bad("a=setup is missing or malformed")


def _direction(*attributes: Attributes) -> str:
    for each in attributes:
        for key, _ in each:
            if key in _DIRECTIONS.values():
                return key
    return "sendrecv"


def _fingerprints(*attributes: Attributes) -> tuple[tuple[str, str], ...]:
    found = [_FINGERPRINT.fullmatch(value) for value in _all("fingerprint", *attributes)]
    known = [(match[1].lower(), match[2].upper()) for match in found if match]
    whole = tuple(
        (algorithm, value)
        for algorithm, value in known
        if len(value.split(":")) * 8 == int(algorithm[4:])
    )
    if not whole:
        raise _bad("a=fingerprint with SHA-256 is missing or malformed")
    return whole


def _opus(section: Section, attributes: Attributes) -> int:
    for value in _all("rtpmap", attributes):
        match = _OPUS.fullmatch(value)
        # 64-95 would be taken for RTCP (RFC 5761 4).
        if (
            match
            and match[1] in section.formats
            and int(match[1]) in {*range(35, 64), *range(96, 128)}
        ):
            return int(match[1])
    raise PeerError(
        "opus_missing", "The stage takes sound as Opus, and this offer has none.", status=406
    )


def read_candidates(values: Iterable[str]) -> tuple[str, ...]:
    """Those we could use: UDP, numeric. mDNS names would make us shout into the local network."""
    offered = list(values)
    if len(offered) > MAX_CANDIDATES:
        raise _bad(f"it has more than {MAX_CANDIDATES} candidates")
    usable = []
    for value in offered:
        match = _CANDIDATE.fullmatch(value)
        if match and _is_address(match[3]) and 0 < int(match[4]) < 65_536 and int(match[2]) < 2**32:
            kind = match[5].lower()
            usable.append(f"{match[1]} 1 udp {match[2]} {match[3]} {match[4]} typ {kind}")
    return tuple(usable)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
