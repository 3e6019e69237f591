"""A transport that keeps what it is told, in place of a socket's."""

from __future__ import annotations

import asyncio
from typing import Any


class Below(asyncio.Transport):
    """Everything that was done to it, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[str] = []
        self.sent = b""
        self.closing = False
        self.reading = True

    def write(self, data: Any) -> None:
        self.sent += bytes(data)

    def write_eof(self) -> None:
        self.done.append("eof")

    def close(self) -> None:
        self.done.append("close")
        self.closing = True

    def abort(self) -> None:
        self.done.append("abort")
        self.closing = True

    def is_closing(self) -> bool:
        return self.closing

    def is_reading(self) -> bool:
        return self.reading

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def get_write_buffer_size(self) -> int:
        return 5
