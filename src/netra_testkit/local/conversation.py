"""One client's conversation: every frame it sends is heard, and answered where it asks for it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Final

from netra_testkit.errors import MalformedFrame
from netra_testkit.local.agents import AgentRequest
from netra_testkit.local.requests import (
    LONGEST_TEXT,
    BadRequest,
    Said,
    run_asked,
    said,
    stop_asked,
)
from netra_testkit.local.sending import error_document, reply_document
from netra_testkit.local.thread_frames import ThreadFrames
from netra_testkit.local.welcome import handshake_complete
from netra_testkit.wire.frames import Frame
from netra_testkit.wire.types import MessageType

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from netra_testkit.local.connections import Connection
    from netra_testkit.local.run_delivery import RunDelivery
    from netra_testkit.local.truth import Exchange
    from netra_testkit.local.world import World
    from netra_testkit.safety.jsonable import JsonValue

__all__ = ["Conversation"]

_MINUTE: Final = 60.0
_LONGEST_NAME: Final = 100
_LONGEST_NOTED: Final = 4096
_CHAT_AGENT: Final = "triage"
_METHOD_NOT_FOUND: Final = -32601


class Conversation:
    """What is said on one socket.

    Args:
        world: The server.
        exchange: What is known of the socket.
        connection: The socket.
        runs: What tells runs to the socket.
        tasks: What ends with the socket.
    """

    def __init__(
        self,
        world: World,
        exchange: Exchange,
        connection: Connection,
        runs: RunDelivery,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._world = world
        self._exchange = exchange
        self._connection = connection
        self._runs = runs
        self._tasks = tasks
        self._user = connection.user_id
        self._threads = threads = ThreadFrames(world, connection)
        self._answers: Mapping[MessageType, Callable[[Frame], Awaitable[None]]] = {
            MessageType.PING: self._ping,
            MessageType.HEARTBEAT: self._heartbeat,
            MessageType.PONG: _nothing,
            MessageType.HEARTBEAT_ACK: _nothing,
            MessageType.ACK: _nothing,
            MessageType.HANDSHAKE_ACKNOWLEDGED: self._complete_handshake,
            MessageType.USER_MESSAGE: self._take_message,
            MessageType.CHAT: self._take_message,
            MessageType.START_AGENT: self._start_agent,
            MessageType.AGENT_REQUEST: self._start_agent,
            MessageType.AGENT_TASK: self._start_agent,
            MessageType.STOP_AGENT: self._stop_agent,
            MessageType.AGENT_STATUS_REQUEST: self._tell_status,
            MessageType.CREATE_THREAD: threads.create,
            MessageType.SWITCH_THREAD: threads.switch,
            MessageType.GET_THREAD_HISTORY: threads.history,
            MessageType.DISCONNECT: self._disconnect,
            MessageType.JSONRPC_REQUEST: self._refuse_method,
            MessageType.JSONRPC_RESPONSE: _nothing,
            MessageType.JSONRPC_NOTIFICATION: _nothing,
        }

    async def hear(self, data: str | bytes) -> None:
        """Take in one frame as it came.

        Each answer is bounded as a send is. Cancelled with its socket.
        """
        try:
            frame = Frame.decode(data, max_size=self._world.options.limits.message_bytes)
        except MalformedFrame as malformed:
            self._note(None, data)
            if self._strikes("bad-frame-dies"):
                raise
            await self._answer_malformed(malformed)
            return
        self._note(frame.type_name, data)
        if self._strikes("mute"):
            return
        late = self._world.board.strike("late-reply", user=self._user)
        if late is None:
            await self._answer(frame)
        else:
            seconds = float(str(late.options["seconds"]))
            self._tasks.create_task(self._answer_later(frame, seconds))

    def _strikes(self, kind: str) -> bool:
        return self._world.board.strike(kind, user=self._user) is not None

    def _note(self, type_name: str | None, data: str | bytes) -> None:
        raw = data if isinstance(data, str) else data.decode("utf-8", "replace")
        self._world.truth.add_frame(self._exchange, type_name=type_name, raw=raw[:_LONGEST_NOTED])

    async def _answer_malformed(self, malformed: MalformedFrame) -> None:
        if not self._strikes("mute") and await self._may_speak(None):
            details: dict[str, JsonValue] = {"position": malformed.position}
            message = f"The frame cannot be read: {malformed.reason}."
            await self._refuse("INVALID_FRAME", message, details=details)

    async def _answer_later(self, frame: Frame, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._answer(frame)

    async def _answer(self, frame: Frame) -> None:
        if not await self._may_speak(frame):
            return
        kind = frame.type
        if kind is MessageType.START_AGENT and self._is_unknown_alias(frame):
            kind = None
        try:
            if kind is None and self._strikes("older-unknown-types"):
                await self._take_for_chat(frame)
            elif kind is None:
                await self._acknowledge(frame)
            else:
                await self._answers.get(kind, self._acknowledge)(frame)
        except BadRequest as bad:
            await self._refuse(bad.error_code, bad.message, frame=frame)

    async def _may_speak(self, frame: Frame | None) -> bool:
        most = self._world.options.limits.messages_per_minute
        limits = self._world.state.limits
        allowance = limits.take(self._user, "frames", requests=most, window=_MINUTE)
        if not allowance.allowed:
            await self._refuse(
                "RATE_LIMIT_EXCEEDED",
                f"A user may send {most} messages a minute over all sockets.",
                frame=frame,
                details={"limit": most, "retry_after": allowance.retry_after},
            )
        return allowance.allowed

    def _is_unknown_alias(self, frame: Frame) -> bool:
        name = frame.type_name.strip().casefold().replace("-", "_").replace(" ", "_")
        return name == "execute_agent" and self._strikes("no-execute-agent")

    async def _acknowledge(self, frame: Frame) -> None:
        received: dict[str, JsonValue] = {
            "received_type": frame.type_name[:_LONGEST_NAME],
            "known": frame.type is not None,
        }
        await self._reply(MessageType.ACK, received, frame)

    async def _ping(self, frame: Frame) -> None:
        await self._reply(MessageType.PONG, {"timestamp": self._world.clock()}, frame)

    async def _heartbeat(self, frame: Frame) -> None:
        await self._reply(MessageType.HEARTBEAT_ACK, {"timestamp": self._world.clock()}, frame)

    async def _complete_handshake(self, frame: Frame) -> None:
        if not self._world.options.thread_handshake:
            await self._acknowledge(frame)
            return
        document = handshake_complete(
            thread_id=self._connection.thread_id,
            connection_id=self._connection.connection_id,
            at=self._world.clock(),
        )
        await self._connection.send(document)

    async def _take_message(self, frame: Frame) -> None:
        await self._chat(said(frame), frame)

    async def _take_for_chat(self, frame: Frame) -> None:
        text = frame.raw[:LONGEST_TEXT]
        await self._chat(Said(content=text, run_id=None, thread_id=None), frame)

    async def _chat(self, message: Said, frame: Frame) -> None:
        thread_id = message.thread_id or self._connection.thread_id
        request = AgentRequest(agent=_CHAT_AGENT, text=message.content)
        run = self._runs.prepare(request, run_id=message.run_id, thread_id=thread_id)
        if not self._strikes("not-persisted"):
            owner = self._threads.owner_of(thread_id)
            self._world.state.threads.add(owner, thread_id, "user", message.content)
        received: dict[str, JsonValue] = {
            "received_type": frame.type_name[:_LONGEST_NAME],
            "status": "created",
            "thread_id": thread_id,
            "run_id": run.run_id,
        }
        opening = self._reply_to(frame, MessageType.ACK, received)
        self._runs.begin(
            run, request, request_id=frame.message_id, opening=opening, kept_in=thread_id
        )

    async def _start_agent(self, frame: Frame) -> None:
        asked = run_asked(frame)
        thread_id = asked.thread_id or self._connection.thread_id
        run = self._runs.prepare(asked.request, run_id=asked.run_id, thread_id=thread_id)
        opening = None
        if frame.type is MessageType.AGENT_TASK:
            task: dict[str, JsonValue] = {"run_id": run.run_id, "agent_id": run.agent_id}
            opening = self._reply_to(frame, MessageType.AGENT_TASK_ACK, task)
        self._runs.begin(run, asked.request, request_id=frame.message_id, opening=opening)

    async def _stop_agent(self, frame: Frame) -> None:
        asked = stop_asked(frame)
        stopped = self._runs.stop(asked.name, asked.status)
        if asked.name is not None and not stopped:
            raise BadRequest("RUN_NOT_FOUND", "No run of yours with this id is under way.")
        received: dict[str, JsonValue] = {"received_type": "stop_agent", "stopped": [*stopped]}
        await self._reply(MessageType.ACK, received, frame)

    async def _tell_status(self, frame: Frame) -> None:
        agents: list[JsonValue] = [
            {
                "agent_id": run.agent_id,
                "run_id": run.run_id,
                "agent_type": run.agent,
                "status": run.status.value,
                "start_time": run.started,
                "last_activity": run.last_activity,
                "message_count": run.message_count,
            }
            for run in self._world.state.runs.of(self._user)
        ]
        await self._reply(MessageType.AGENT_STATUS_UPDATE, {"agents": agents}, frame)

    async def _disconnect(self, _: Frame) -> None:
        await self._connection.close(1000, "as asked")

    async def _refuse_method(self, frame: Frame) -> None:
        asked = json.loads(frame.raw).get("id")
        await self._connection.send(
            {
                "jsonrpc": "2.0",
                "id": asked if isinstance(asked, str | int) else None,
                "error": {"code": _METHOD_NOT_FOUND, "message": "there is no such method"},
            }
        )

    async def _reply(self, kind: MessageType, data: Mapping[str, JsonValue], frame: Frame) -> None:
        await self._connection.send(self._reply_to(frame, kind, data))

    def _reply_to(
        self, frame: Frame, kind: MessageType, data: Mapping[str, JsonValue]
    ) -> dict[str, JsonValue]:
        at = self._world.clock()
        return reply_document(kind, data, at=at, request_id=frame.message_id)

    async def _refuse(
        self,
        error_code: str,
        message: str,
        *,
        frame: Frame | None = None,
        details: Mapping[str, JsonValue] | None = None,
    ) -> None:
        document = error_document(
            error_code,
            message,
            at=self._world.clock(),
            details=details,
            request_id=None if frame is None else frame.message_id,
            run_id=None if frame is None else frame.run_id,
        )
        await self._connection.send(document)


async def _nothing(_: Frame) -> None:
    """An answer to an answer would never end."""
