"""What is taken from a trickle ICE fragment (RFC 8840, `application/trickle-ice-sdpfrag`); pure.

The same patterns hold here as for an offer: nothing that a stranger wrote travels further.
Called by `stage.http.whip`.
"""

from typing import Final, NamedTuple

from hustings.base.errors import PeerError
from hustings.stage.rtc.sdp import read_attributes, read_candidates

FRAGMENT_BYTES: Final = 16 * 1024


class Fragment(NamedTuple):
    """Further candidates of the other side."""

    ufrag: str  # of the ICE session they belong to; empty: it does not say
    candidates: tuple[str, ...]  # as in `sdp.Offer`


def read_fragment(text: str) -> Fragment:
    """Read it, or raise PeerError `sdp_bad`. Candidates of all media count: they share one line."""
    if len(text.encode(errors="replace")) > FRAGMENT_BYTES:
        raise PeerError("sdp_bad", "This fragment is larger than 16 KiB.")
    attributes = read_attributes(text)
    if not attributes:
        raise PeerError("sdp_bad", "This is not a fragment of SDP.")
    named = [value for key, value in attributes if key == "ice-ufrag"]
    if len(set(named)) > 1:
        raise PeerError("sdp_bad", "This fragment is of two ICE sessions.")
    found = read_candidates(value for key, value in attributes if key == "candidate")
    return Fragment(named[0] if named else "", tuple(dict.fromkeys(found)))
