"""Every close code, legal or not, in every phase of a WebSocket."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tests.rude.behaviour import Behaviour, Phase, Protocol
from tests.rude.framing import close_frame
from tests.rude.welcoming import close_with, converse, upgrade, welcomed

if TYPE_CHECKING:
    from tests.rude.server import Act, Peer

LEGAL = (
    *(1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014),
    *(3000, 3999, 4000, 4001, 4002, 4401, 4403, 4999),
)
# 1004, 1005, 1006 and 1015 must not be sent; the others are outside of what a code may be.
ILLEGAL = (0, 401, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535)
CODES: tuple[int | None, ...] = (None, *LEGAL, *ILLEGAL)
PHASES = (Phase.WELCOME, Phase.RECEIVE, Phase.RUN, Phase.CLOSE)
REASON = b"told to"


def closes_with(code: int | None, phase: Phase) -> Act:
    """Close with a code in a phase."""
    close = partial(close_with, code=code, reason=REASON)

    def before_the_welcome(peer: Peer) -> None:
        upgrade(peer)
        close(peer)

    match phase:
        case Phase.WELCOME:
            return before_the_welcome
        case Phase.RUN:
            return welcomed(lambda peer: converse(peer, lambda peer, _: close(peer)))
        case Phase.CLOSE:
            return welcomed(
                lambda peer: converse(
                    peer, closing=lambda peer: peer.send(close_frame(code, REASON))
                )
            )
        case _:
            return welcomed(close)


CLOSINGS = tuple(
    Behaviour(
        f"closes with {'no code' if code is None else code} at {phase}",
        phase,
        f"Sends a close with this code: {code}.",
        closes_with(code, phase),
        speaks=Protocol.WEBSOCKET,
        code=code,
    )
    for phase in PHASES
    for code in CODES
)
