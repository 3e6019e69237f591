"""The control endpoint: faults set from another process, by whoever holds its key."""

from __future__ import annotations

import hmac
import json
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self, cast

from netra_testkit.errors import ConfigurationError
from netra_testkit.local.faults import Fault
from netra_testkit.safety.redaction import register

if TYPE_CHECKING:
    from types import TracebackType

    from netra_testkit.local.board import FaultBoard

__all__ = ["KEY_HEADER", "ControlEndpoint"]

KEY_HEADER: Final = "X-Netra-Control-Key"
"""The header that carries the key; a web page cannot send it without being asked first."""

_PATH: Final = "/faults"
_LONGEST_BODY: Final = 64 * 1024
_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.1
# Whoever asks is answered at once; what stays longer is somebody without the key.
_AT_ONCE: Final = 16


class ControlEndpoint:
    """Lists, adds and clears the faults of a board over HTTP; exists only where it is opened.

    It listens on loopback and on a port of its own, so that no fault strikes it. Every request
    carries the key, and one that a web page makes is refused. ``GET /faults`` lists what is set,
    ``POST /faults`` with ``{"fault": "close:code=1011"}`` adds one, ``DELETE /faults`` clears them.

    Args:
        board: The faults.

    Attributes:
        url: Where it is.
        key: What lets a caller in, made up at random.
    """

    url: str
    key: str

    def __init__(self, board: FaultBoard) -> None:
        self.key = token_urlsafe(32)
        register(self.key, label="the key of the control endpoint")
        self._server = _Server(board, self.key)
        self.url = f"http://127.0.0.1:{self._server.server_port}{_PATH}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_SECONDS,), daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Whom the system leaves waiting for a place tries again a second later.
    request_queue_size = 128

    def __init__(self, board: FaultBoard, key: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.board = board
        self.key = key
        self._free = threading.BoundedSemaphore(_AT_ONCE)

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the library's
        """Answer in a thread of its own; drop it where there are as many as there may be."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the library's
        """Answer, in that thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()


class _Refused(Exception):
    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    server_version = "netra-testkit"
    sys_version = ""
    timeout: ClassVar[float | None] = _SECONDS

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing: whoever asks gets the answer."""

    @property
    def _asked(self) -> _Server:
        return cast("_Server", self.server)

    def _answer(self) -> None:
        status = HTTPStatus.OK
        try:
            self._let_in()
            if self.command == "POST":
                self._asked.board.add(self._fault())
            elif self.command == "DELETE":
                self._asked.board.clear()
            body: dict[str, object] = {"faults": [str(each) for each in self._asked.board.faults]}
        except _Refused as refused:
            status, body = refused.status, {"error": str(refused)}
        said = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def _let_in(self) -> None:
        key = self.headers.get(KEY_HEADER, "")
        known = hmac.compare_digest(key.encode(), self._asked.key.encode())
        if not known or "Origin" in self.headers:
            raise _Refused(HTTPStatus.FORBIDDEN, f"send the key in {KEY_HEADER}, from no web page")
        if self.path != _PATH:
            raise _Refused(HTTPStatus.NOT_FOUND, f"there is {_PATH} only")

    def _fault(self) -> Fault:
        length = self.headers.get("content-length", "")
        if not length.isdecimal() or int(length) > _LONGEST_BODY:
            raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {_LONGEST_BODY} bytes")
        try:
            said = json.loads(self.rfile.read(int(length)))
        except ValueError:
            said = None
        spec = said.get("fault") if isinstance(said, dict) else None
        if not isinstance(spec, str):
            raise _Refused(HTTPStatus.UNPROCESSABLE_ENTITY, 'send {"fault": "name:option=value"}')
        try:
            return Fault.parse(spec, source="the control endpoint")
        except ConfigurationError as wrong:
            raise _Refused(HTTPStatus.UNPROCESSABLE_ENTITY, str(wrong)) from None
