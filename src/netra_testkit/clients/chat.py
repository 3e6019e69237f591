"""ChatClient: a WebSocket to a deployment whose every call ends in time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from netra_testkit.clients.asking import Asking
from netra_testkit.clients.call_ids import new_uuid
from netra_testkit.clients.connection import Connection
from netra_testkit.clients.deadline import Deadline
from netra_testkit.clients.feed import EventFeed
from netra_testkit.clients.ledger import public_call
from netra_testkit.clients.reading import Reading
from netra_testkit.clients.running import Runs
from netra_testkit.errors import DeadlineExceeded, ServerClosed
from netra_testkit.safety.redaction import install
from netra_testkit.wire.frames import encode
from netra_testkit.wire.types import MessageType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from netra_testkit.clients.isolation import Witness
    from netra_testkit.safety.trace import Trace
    from netra_testkit.settings.config import StagingConfig
    from netra_testkit.settings.users import StagingUser
    from netra_testkit.wire.frames import Frame
    from netra_testkit.wire.lifecycle import ConnectionState
    from netra_testkit.wire.runs import AgentRun

__all__ = ["ChatClient"]


class ChatClient:
    """One WebSocket of one virtual user, from the upgrade to the close.

    Used with `async with`; inside the block the welcome has come. From then on it reads also
    while no call waits: it answers pings, heartbeats and the thread handshake, and keeps what
    nobody asked for until somebody does. `receive`, `expect`, `expect_nothing` and `events`
    exclude one another; `request`, `ping` and `run_agent` run beside them, each getting its own
    frames.

    Leaving the block closes the connection within `timeouts.close` and raises ServerClosed when
    the server had closed it for a reason that no call has met, or answers the goodbye with one.

    Args:
        config: Where the deployment is, and how long to wait.
        token: The access token; None for anonymous.
        identity: The user whom the token stands for.
        thread_id: The thread to speak in; by default the one that the server names.
        announce_e2e: Whether to announce a test; as the configuration says by default.
        session: What groups the calls of one run in the server's log.
        trace: Where to record frames.
        witness: Sees every run that is started and every event that comes.
        within: Bounds connecting and welcome together.

    Attributes:
        identity: The user whom the token stands for.
    """

    identity: StagingUser | None

    def __init__(
        self,
        config: StagingConfig,
        *,
        token: str | None = None,
        identity: StagingUser | None = None,
        thread_id: str | None = None,
        announce_e2e: bool | None = None,
        session: str | None = None,
        trace: Trace | None = None,
        witness: Witness | None = None,
        within: float | Deadline | None = None,
    ) -> None:
        self._config = config
        self._opening = Deadline.of(within, config.timeouts.connect + config.timeouts.welcome)
        self._connection = Connection(
            config,
            token=token,
            thread_id=thread_id,
            announce=config.announce_e2e if announce_e2e is None else announce_e2e,
            session=session,
            trace=trace,
            witness=witness,
        )
        self._inbox = self._connection.hearing.inbox
        self._reading = Reading(self._connection)
        self._asking = Asking(self._connection, config, self._reading)
        self._runs = Runs(self._connection, config, witness)
        self.identity = identity

    @public_call
    async def __aenter__(self) -> Self:
        """Connect, and wait for the welcome. Cancelling cuts the connection.

        Raises:
            ConnectionFailed: There was no connection.
            AuthRefused: The credentials were refused, at the upgrade or by a close.
            HandshakeFailed: The answer was no upgrade, or the welcome said: not ready.
            ServerClosed: The server closed before the welcome.
            DeadlineExceeded: Upgrade or welcome did not come in time.
            WrongLoop: No event loop of asyncio runs here.
        """
        install()
        await self._connection.open(self._opening)
        return self

    @public_call
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close within `timeouts.close`, or cut. Cancelling cuts.

        Raises:
            ServerClosed: It closed for a reason that no call has met, or answers the goodbye
                with one. What the block itself raised comes first.
        """
        unmet = self._connection.unmet
        try:
            await self._connection.close(Deadline.of(None, self._config.timeouts.close))
        except DeadlineExceeded:
            pass  # a server that does not answer the goodbye has done its work by then
        except ServerClosed:
            if error is None:
                raise
        if unmet and error is None:
            raise self._connection.closed_error("the block's end")

    @property
    def state(self) -> ConnectionState:
        """Where the connection is in its life."""
        return self._connection.state

    @property
    def thread_id(self) -> str | None:
        """The thread to speak in: the one asked for, else the one that the server names."""
        return self._connection.handshake.thread_id

    @property
    def connection_id(self) -> str | None:
        """The connection's id, where the server gave one."""
        return self._connection.handshake.connection_id

    @property
    def user_id(self) -> str | None:
        """The user whom the server welcomed, where it said so."""
        return self._connection.handshake.user_id

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol that the server chose, masked where it is a token."""
        return self._connection.subprotocol

    @property
    def findings(self) -> tuple[str, ...]:
        """What was wrong about the connection but tolerable."""
        return self._connection.findings

    @property
    def closed(self) -> ServerClosed | None:
        """How the connection ended; None while it is open or when we closed it."""
        return self._connection.closed_error(self.state) if self._connection.ended else None

    async def send(
        self,
        type: MessageType | str,  # noqa: A002 - the name on the wire
        payload: Mapping[str, object] | None = None,
        *,
        thread_id: str | None = None,
        run_id: str | None = None,
        as_server: bool = False,
        within: float | Deadline | None = None,
    ) -> str:
        """Send a frame and give its message_id. Bounded by `timeouts.send`.

        A timeout or a cancellation ends the connection: half a frame may be on its way.

        Raises:
            UnknownMessageType: The type is not known.
            Misuse: The type is an event and `as_server` is not set, or production is read-only.
            Unencodable: JSON cannot carry the payload.
            ServerClosed: The connection has ended.
            DeadlineExceeded: The server does not read.
        """
        deadline = None if within is None else Deadline.of(within, self._config.timeouts.send)
        self._connection.check()
        kind = self._type(type)
        self._asking.refuse_if_read_only(kind)
        message_id = new_uuid()
        text = encode(
            kind,
            payload,
            message_id=message_id,
            timestamp=time.time(),
            thread_id=thread_id or self.thread_id,
            run_id=run_id,
            as_server=as_server,
        )
        await self._connection.write(text, deadline)
        return message_id

    async def send_raw(self, data: str | bytes, *, within: float | Deadline | None = None) -> None:
        """Send text or bytes as they are, right or wrong. Bounded and cancelled as `send` is."""
        deadline = None if within is None else Deadline.of(within, self._config.timeouts.send)
        self._connection.check()
        self._asking.refuse_if_read_only(None)
        await self._connection.write(data, deadline)

    async def receive(self, *, within: float | Deadline | None = None) -> Frame:
        """The next frame. Bounded by `timeouts.receive`; safe to cancel, no frame is lost.

        Raises:
            MalformedFrame: What came next is no frame.
            ServerClosed: The connection has ended and nothing is kept.
            DeadlineExceeded: Nothing came in time.
        """
        reading = self._reading
        if within is None:
            self._connection.check()
            if reading.by is None and (kept := self._inbox.next()) is not None:
                return kept
            deadline = Deadline.after(self._config.timeouts.receive)
        else:
            deadline = self._bound(within, self._config.timeouts.receive)
        reading.begin("receive")
        try:
            return await reading.next(self._inbox, None, deadline, "receive", "frame")
        finally:
            reading.by = None

    async def expect(
        self,
        type: MessageType | str,  # noqa: A002 - the name on the wire
        *,
        where: Callable[[Frame], bool] | None = None,
        within: float | Deadline | None = None,
    ) -> Frame:
        """The next frame of a type; others stay for whoever asks for them.

        Bounded by `timeouts.receive`; safe to cancel, no frame is lost.

        Args:
            type: The type, by member, name or alias.
            where: What else must hold.
            within: Seconds or a deadline.

        Raises:
            UnknownMessageType: The type is not known.
            ServerClosed: The connection has ended and no such frame is kept.
            DeadlineExceeded: None came in time.
        """
        deadline = self._bound(within, self._config.timeouts.receive)
        wanted = self._type(type)

        def matches(frame: Frame) -> bool:
            return frame.type is wanted and (where is None or where(frame))

        with self._reading.alone("expect"):
            return await self._reading.next(self._inbox, matches, deadline, "expect", wanted)

    @public_call
    async def expect_nothing(self, *types: MessageType | str, within: float | Deadline) -> None:
        """See that no frame of these types, or none at all, comes until `within` is over.

        Safe to cancel.

        Raises:
            UnexpectedFrame: One came, or was kept already.
            ServerClosed: The connection ended meanwhile.
        """
        deadline = self._bound(within, self._config.timeouts.receive)
        await self._reading.see_nothing({self._type(each) for each in types}, deadline)

    @public_call
    async def request(
        self,
        type: MessageType | str,  # noqa: A002 - the name on the wire
        payload: Mapping[str, object] | None = None,
        *,
        within: float | Deadline | None = None,
    ) -> Frame:
        """Send a frame and wait for the answer that names its message_id.

        Bounded by `timeouts.receive`; safe to cancel, a late answer stays for `receive`.

        Raises:
            RequestRefused: The answer is an error frame.
            ServerClosed: The connection has ended.
            DeadlineExceeded: No answer came in time.
        """
        deadline = self._bound(within, self._config.timeouts.receive)
        return await self._asking.request(self.send, type, payload, deadline)

    @public_call
    async def ping(self, *, within: float | Deadline | None = None) -> float:
        """Send a ping frame and give the seconds until its pong.

        Bounded by `timeouts.receive`; safe to cancel.

        Raises:
            ServerClosed: The connection has ended.
            DeadlineExceeded: No pong came in time.
        """
        deadline = self._bound(within, self._config.timeouts.receive)
        return await self._asking.ping(self.send, deadline)

    @public_call
    async def run_agent(
        self,
        agent: str,
        text: str,
        *,
        context: Mapping[str, object] | None = None,
        within: float | Deadline | None = None,
    ) -> AgentRun:
        """Start an agent and wait for the end of its run, delivered or not.

        Bounded by `timeouts.agent`; safe to cancel, late events stay for `receive`. Several runs
        may go on at once; each gets its own events.

        Args:
            agent: The agent's name.
            text: The user's request.
            context: What else the agent should know.
            within: Seconds or a deadline.

        Returns:
            The run; `assert_delivered()` judges it.

        Raises:
            ServerClosed: The connection ended before the run did.
            DeadlineExceeded: The run did not end in time.
        """
        deadline = self._bound(within, self._config.timeouts.agent)
        user_id = None if self.identity is None else self.identity.user_id
        run = self._runs.new(agent, thread_id=self.thread_id, user_id=user_id)

        async def start(payload: Mapping[str, object]) -> str:
            within, kind = self._asking.sending(deadline), MessageType.START_AGENT
            return await self.send(kind, payload, run_id=run.run_id, within=within)

        await self._runs.follow(run, text, context or {}, start, deadline)
        return run

    @public_call
    async def wait_for_thread(self, *, within: float | Deadline | None = None) -> str:
        """The id of the thread, once the server has named it.

        Bounded by `timeouts.welcome`; safe to cancel.

        Raises:
            ServerClosed: The connection has ended.
            DeadlineExceeded: The server named none in time.
        """
        deadline = self._bound(within, self._config.timeouts.welcome)
        return await self._reading.thread_id(deadline)

    def events(self, *, within: float | Deadline | None = None) -> EventFeed:
        """Every frame as it comes, for `async with` and `async for`; `receive` is excluded.

        Bounded as a whole by `timeouts.receive`.
        """
        deadline = self._bound(within, self._config.timeouts.receive)
        return EventFeed(
            lambda: self._reading.next(self._inbox, None, deadline, "events", "frame"),
            self._reading.alone("events"),
        )

    @public_call
    async def close(self, *, within: float | Deadline | None = None) -> None:
        """Say goodbye and wait for the answer. Bounded by `timeouts.close`, then cut.

        Closing a closed connection does nothing. Cancelling cuts.

        Raises:
            DeadlineExceeded: The server did not answer the goodbye; the connection is cut.
            ServerClosed: It answered with the code of a failure; its phase is close.
        """
        await self._connection.close(Deadline.of(within, self._config.timeouts.close))

    def abort(self) -> None:
        """Cut the connection now, without a goodbye."""
        self._connection.abort()

    def _bound(self, within: float | Deadline | None, default: float) -> Deadline:
        deadline = Deadline.of(within, default)
        self._connection.check()
        return deadline

    def _type(self, name: MessageType | str) -> MessageType:
        return MessageType.parse(name, aliases=self._connection.hearing.aliases)
