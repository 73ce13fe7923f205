"""The calling side of a speaker's connection: what a browser does, for `say` and benches.

The same line as `stage.rtc.peers`, only that it offers: no codec, no thread, a frame is sent within
`send`. Called by `cli.say`.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from hustings.base.clock import Clock
from hustings.stage.rtc import sdp
from hustings.stage.rtc.ice import AnyPort, GuardedConnection, own_addresses
from hustings.stage.rtc.peers import OnState, Peer, new_end
from hustings.stage.rtc.rtp import OnPacket

Exchange = Callable[[str], Awaitable[str]]
LOOPBACK: Final = "127.0.0.1"


async def call(
    exchange: Exchange,
    *,
    on_packet: OnPacket,
    on_state: OnState,
    clock: Clock,
    addresses: Sequence[str] = (),
) -> Peer:
    """Offer a connection and begin it; `exchange` brings the offer there and the answer back.

    addresses: to bind; empty: all of this machine's, and loopback, so that a stage that listens
    on 127.0.0.1 is reached on a machine without a network.
    on_packet, on_state: as `Peers.accept`. Raises what `exchange` raises, and PeerError `sdp_bad`.
    """
    ice = GuardedConnection(
        AnyPort(), addresses or list({*own_addresses(""), LOOPBACK}), controlling=True
    )
    peer = Peer(ice, new_end(sdp.OFFERED_TYPE, on_packet, clock), on_state, clock)
    try:
        answer = sdp.read_offer(await exchange(sdp.write_offer(await peer.prepare())))
        await peer.begin(answer, answer.candidates, complete=True)
    except BaseException:
        await peer.close()
        raise
    return peer
