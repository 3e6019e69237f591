"""What a probe sees of each behaviour: how it goes on after what was heard first."""

from __future__ import annotations

import sys

from tests.rude.answering import PLATFORM_STATUSES
from tests.rude.framing import Opcode, frame

SILENT, ENDS, RESETS, DRIPS, FLOODS = "is_silent", "ends", "resets", "drips", "floods"

OK = b"HTTP/1.1 200 "
HEALTHY = b'{"status": "healthy"}'
SWITCHED = b"101 Switching Protocols"
WELCOMED = b"connection_established"
STREAM = b"text/event-stream"
THOUGHT = b'{"type": "agent_thinking"'
END = b'data: {"type": "stream_end"}\n\n'
PING = frame(b"", Opcode.PING)

OF_CONNECTIONS = {
    "says nothing": (SILENT,),
    "never reads": (SILENT,),
    "closes at once": (ENDS,),
    "resets at once": (RESETS,),
    "half-closes at once": (ENDS,),
    "resets in the request": (RESETS,),
    "closes after the request": (ENDS,),
    "resets after the request": (RESETS,),
    "half-closes after the request": (ENDS,),
    "greets in another protocol": (SILENT, b"220 mail.invalid ESMTP\r\n"),
    "floods with nonsense": (FLOODS, b"xxxx"),
    "TLS never begins": (SILENT,),
    "TLS drips": (DRIPS, b"\x16\x03\x03"),
    "TLS closes": (ENDS,),
    "TLS resets": (RESETS,),
    "TLS alerts": (SILENT, b"\x15\x03\x03\x00\x02\x02("),
    "TLS in plain text": (SILENT, b"400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
}

OF_HEADS = {
    "drips the status line": (DRIPS, OK),
    "drips headers": (DRIPS, OK, b"X-Drip: "),
    "floods headers": (FLOODS, OK, b"X-Flood: x\r\n"),
    "stalls in the headers": (SILENT, OK),
    "closes in the headers": (ENDS, OK),
    "resets in the headers": (RESETS, OK),
    "half-closes in the headers": (ENDS, OK),
    "promises for ever": (DRIPS, b"HTTP/1.1 102 "),
    "floods with promises": (FLOODS, b"HTTP/1.1 103 "),
    "one huge header": (SILENT, b"X-Huge: xxx", HEALTHY),
    "nonsense for a status": (SILENT, b"HTTP/1.1 good Said"),
    "status of 999": (SILENT, b"HTTP/1.1 999 "),
    "two lengths": (SILENT, b"Content-Length: 21", b"Content-Length: 3", HEALTHY),
    "answers late": (SILENT, OK, HEALTHY),
    "answers once and closes": (ENDS, OK, HEALTHY),
    "answers once and resets": (SILENT, OK, HEALTHY),
    "answers twice": (SILENT, HEALTHY + b"HTTP/1.1 500 "),
}

OF_BODIES = {
    "drips a body": (DRIPS, OK, b"Content-Length: 1000000"),
    "stalls in the body": (SILENT, OK, b"\r\n\r\nx"),
    "closes in the body": (ENDS, OK, b"\r\n\r\nx"),
    "resets in the body": (RESETS, OK, b"\r\n\r\nx"),
    "half-closes in the body": (ENDS, OK, b"\r\n\r\nx"),
    "floods a body": (FLOODS, OK, b"Content-Length: 1099511627776"),
    "floods a body of no length": (FLOODS, OK),
    "endless chunks": (FLOODS, OK, b"64\r\nxxxx"),
    "drips chunks": (DRIPS, OK, b"1\r\nx\r\n"),
    "a chunk of no size": (SILENT, OK, b"many\r\n"),
    "closes in a chunk": (ENDS, OK, b"64\r\nx"),
    "closes without a last chunk": (ENDS, OK, HEALTHY),
    "endless trailers": (FLOODS, OK, HEALTHY, b"0\r\nX-Trailer: x\r\n"),
    "a gzip bomb": (SILENT, b"Content-Encoding: gzip"),
    "a deflate bomb": (SILENT, b"Content-Encoding: deflate"),
    "broken gzip": (SILENT, b"Content-Encoding: gzip", HEALTHY),
    "half a gzip": (SILENT, b"Content-Encoding: gzip", b"\x1f\x8b"),
    "an encoding nobody asked for": (SILENT, b"Content-Encoding: br", HEALTHY),
    "a body that is not JSON": (SILENT, OK, b"{status}"),
    "a body that is not text": (SILENT, OK, b"\xff\xfe\xfd"),
    "nothing with a body": (SILENT, b"HTTP/1.1 204 ", HEALTHY),
    "redirects in a loop": (SILENT, b"HTTP/1.1 307 ", b"Location: /loop"),
    "redirects onwards": (SILENT, b"HTTP/1.1 307 ", b"Location: /step/0"),
    "redirects elsewhere": (SILENT, b"Location: https://elsewhere.invalid/"),
    "redirects nowhere": (SILENT, b"HTTP/1.1 307 "),
    "redirects to nonsense": (SILENT, b"Location: http://[half"),
    "a page of a proxy": (SILENT, b"HTTP/1.1 502 ", b"text/html", b"<html>"),
    **{
        f"status {status}": (SILENT, f"HTTP/1.1 {status} ".encode()) for status in PLATFORM_STATUSES
    },
    **{
        f"status {status} of the platform": (SILENT, f"HTTP/1.1 {status} ".encode(), code.encode())
        for status, code in PLATFORM_STATUSES.items()
    },
}

OF_UPGRADES = {
    "upgrade answered 200": (SILENT, OK),
    "upgrade with a wrong key": (SILENT, b"Accept: bm90IHRoZSBr", WELCOMED),
    "upgrade with an empty key": (SILENT, b"Sec-WebSocket-Accept: \r\n", WELCOMED),
    "upgrade without an Upgrade header": (SILENT, b"Protocols\r\nConnection", WELCOMED),
    "a subprotocol never offered": (SILENT, b"Protocol: never-offered", WELCOMED),
    "two subprotocols": (
        SILENT,
        b"Sec-WebSocket-Protocol: jwt-auth\r\nSec-WebSocket-Protocol: jwt-auth",
        WELCOMED,
    ),
    "the token echoed": (SILENT, b"Protocol: jwt.header.payload", WELCOMED),
    "an extension nobody asked for": (SILENT, b"Extensions: x-rude; level=9", WELCOMED),
    "drips the upgrade": (DRIPS, SWITCHED, b"X-Drip: "),
    "stalls in the upgrade": (SILENT, SWITCHED),
    "closes in the upgrade": (ENDS, SWITCHED),
    "resets in the upgrade": (RESETS, SWITCHED),
    "no welcome": (SILENT, SWITCHED, b"\r\n\r\n"),
    "no welcome and no close": (SILENT, SWITCHED, b"\r\n\r\n"),
    "welcomes late": (SILENT, SWITCHED, WELCOMED),
    "drips the welcome": (DRIPS, SWITCHED, b'"data": "'),
    "welcomes unready": (SILENT, WELCOMED, b'"connection_ready": false'),
    "only protocol pings for a welcome": (DRIPS, SWITCHED, PING * 2),
    "only JSON pings for a welcome": (DRIPS, SWITCHED, b'"type": "ping"'),
    "floods instead of a welcome": (FLOODS, SWITCHED, b"handshake_validation"),
    "closes the connection before the welcome": (ENDS, SWITCHED),
    "resets before the welcome": (RESETS, SWITCHED),
    "half-closes before the welcome": (ENDS, SWITCHED),
    "nonsense for a welcome": (SILENT, SWITCHED, b"welcome!"),
    "refuses the credentials in a frame": (SILENT, SWITCHED, b"AUTH_FAILED"),
    "refuses the credentials and closes": (SILENT, b"AUTH_FAILED", b"\x88\x06\x03\xf0auth"),
}

OF_CONVERSATIONS = {
    "silent": (SILENT, WELCOMED),
    "only protocol pings": (DRIPS, WELCOMED, PING),
    "only protocol pongs": (DRIPS, WELCOMED, frame(b"", Opcode.PONG)),
    "only JSON pings": (DRIPS, WELCOMED, b'"type": "ping"'),
    "only heartbeats": (DRIPS, WELCOMED, b'"type": "heartbeat"'),
    "answers messages late": (SILENT, WELCOMED),
    "answers somebody else": (SILENT, WELCOMED),
    "never reads frames": (SILENT, WELCOMED),
    "floods frames": (FLOODS, WELCOMED, b'"type": "broadcast"'),
    "floods large frames": (FLOODS, WELCOMED, b'"type": "broadcast"'),
    "floods pings": (FLOODS, WELCOMED, b"\x89\x64xxxx"),
    "floods empty frames": (FLOODS, WELCOMED, b"\x81\x00\x81\x00"),
    "drips a frame": (DRIPS, WELCOMED, b'\x81\x7f\x00\x00\x00\x00\x00\x0f\x42\x40{"type": "'),
    "fragments for ever": (FLOODS, WELCOMED, b"\x01\x01{\x00\x01x\x00\x01x"),
    "drips fragments": (DRIPS, WELCOMED, b"\x01\x01{\x00\x01x"),
    "an oversized frame": (SILENT, WELCOMED, b"\x81\x7f\x00\x00\x00\x00\x00\x20", b"x" * 2**21),
    "a frame of a terabyte": (SILENT, WELCOMED, b"\x81\x7f\x00\x00\x01\x00\x00", b"x" * 1000),
    "a masked frame": (SILENT, WELCOMED, b"\x81\x82"),
    "a frame that is not UTF-8": (SILENT, WELCOMED, b"\x81\x04\xff\xfe{}"),
    "a frame that is not JSON": (SILENT, WELCOMED, b'\x81\x08{"type":'),
    "a frame that is no object": (SILENT, WELCOMED, b'\x81\x08["ping"]'),
    "a frame without a type": (SILENT, WELCOMED, b'\x81\x0c{"data": {}}'),
    "a frame of an unknown type": (SILENT, WELCOMED, b"never_heard_of"),
    "a frame too deep": (SILENT, WELCOMED, b"[" * 100_000),
    "a binary frame": (SILENT, WELCOMED, b"\x82\x7e\x01\x00\x00\x01\x02"),
    "reserved bits": (SILENT, WELCOMED, b"\xc1\x02{}"),
    "a reserved opcode": (SILENT, WELCOMED, b"\x83\x02{}"),
    "a continuation of nothing": (SILENT, WELCOMED, b"\x80\x02{}"),
    "a message within a message": (SILENT, WELCOMED, b"\x01\x01{\x81\x02{}"),
    "an oversized ping": (SILENT, WELCOMED, b"\x89\x7e\x00\x7ex"),
    "a ping in fragments": (SILENT, WELCOMED, b"\x09\x01x"),
    "stalls in a frame": (SILENT, WELCOMED, b'\x81\x7e\x03\xe8{"type": "agent_'),
    "closes in a frame": (ENDS, WELCOMED, b'\x81\x7e\x03\xe8{"type": "agent_'),
    "resets in a frame": (RESETS, WELCOMED, b'\x81\x7e\x03\xe8{"type": "agent_'),
    "half-closes in a frame": (ENDS, WELCOMED, b'\x81\x7e\x03\xe8{"type": "agent_'),
    "a run without an event": (SILENT, WELCOMED),
    "a run that stalls": (SILENT, b"agent_started", b"agent_thinking"),
    "a run that thinks for ever": (DRIPS, b"agent_started", b'"run_id": "r-1"', b"agent_thinking"),
    "a run that floods": (FLOODS, b"agent_started", b"agent_thinking"),
    "a run that resets": (RESETS, b"agent_started"),
    "a run that crashes": (SILENT, b"tool_executing", b"\x88\x0c\x03\xf3unexpected"),
    "leaves without a close": (ENDS, WELCOMED),
    "resets after the welcome": (RESETS, WELCOMED),
    "half-closes after the welcome": (ENDS, WELCOMED),
    "never answers a close": (SILENT, WELCOMED),
    "answers a close late": (ENDS, WELCOMED, b"\x88\x02\x03\xe8"),
    "talks on after a close": (FLOODS, WELCOMED, b'"type": "broadcast"'),
    "closes and stays": (SILENT, WELCOMED, b"\x88\x02\x03\xe8"),
    "closes and talks on": (DRIPS, b"\x88\x02\x03\xe8", b"after the close"),
    "a close of one byte": (ENDS, WELCOMED, b"\x88\x01\x03"),
    "a close that is not UTF-8": (ENDS, WELCOMED, b"\x88\x04\x03\xe8\xff\xfe"),
    "a close too long": (ENDS, WELCOMED, b"\x88\x7e\x00\x7e\x03\xe8xxx"),
}

OF_STREAMS = {
    "a stream with LF": (ENDS, STREAM, END),
    "a stream with CR": (ENDS, STREAM, END.replace(b"\n", b"\r")),
    "a stream with CRLF": (ENDS, STREAM, END.replace(b"\n", b"\r\n")),
    "a stream with every line ending": (
        ENDS,
        b'"stream_start"}\n\n',
        b'"}\r\r',
        END.replace(b"\n", b"\r\n"),
    ),
    "a stream with a BOM": (ENDS, STREAM, b"\r\n\r\n\xef\xbb\xbfdata:", END),
    "a stream with comments": (ENDS, STREAM, b"\r\n\r\n: ping\n\ndata:", END),
    "a stream of many-lined data": (ENDS, b"id: 7\nretry: 50\ndata: ", b"unknown: field", END),
    "a stream that goes on after its end": (ENDS, END + b"data: " + THOUGHT),
    "a stream without an event": (SILENT, STREAM, b"\r\n\r\n"),
    "only comments": (DRIPS, STREAM, b": ping\n\n"),
    "events, then only comments": (DRIPS, THOUGHT, b": ping\n\n"),
    "events, then only heartbeats": (DRIPS, b"stream_start", b'"heartbeat"'),
    "drips an event": (DRIPS, STREAM, b"data: "),
    "drips lines": (DRIPS, STREAM, b"data: x\ndata: x\n"),
    "stays after the end": (SILENT, END),
    "comments after the end": (DRIPS, END + b": ping\n\n"),
    "a stream that closes": (ENDS, THOUGHT),
    "a stream that resets": (RESETS, THOUGHT),
    "a stream that half-closes": (ENDS, THOUGHT),
    "a stream that stalls": (SILENT, THOUGHT),
    "a stream that ends early": (SILENT, THOUGHT, b"\r\n0\r\n\r\n"),
    "a stream that closes in a chunk": (ENDS, b"ff\r\ndata"),
    "a stream that closes in an event": (ENDS, END[:-1]),
    "a stream of nothing": (ENDS, STREAM),
    "floods events": (FLOODS, THOUGHT),
    "floods comments": (FLOODS, STREAM, b": ping\n\n"),
    "an endless line": (FLOODS, b"data: xxxx"),
    "an endless event": (FLOODS, b"data: x\ndata: x\n"),
    "an oversized event": (ENDS, b"x" * 2**21, END),
    "a bomb for a stream": (SILENT, STREAM),
    "an event that is not JSON": (ENDS, b'data: {"type":\n\n', END),
    "an event that is not UTF-8": (ENDS, b"data: \xff\xfe\n\n", END),
    "no event stream at all": (SILENT, b"application/json", HEALTHY),
    "a stream that fails": (ENDS, b'"stream_error"'),
}

# Behaviours that are seen in a test of their own.
APART = {"refuses"} | ({"never completes"} if sys.platform == "linux" else set())

SEEN: dict[str, tuple[str | bytes, ...]] = {
    **OF_CONNECTIONS,
    **OF_HEADS,
    **OF_BODIES,
    **OF_UPGRADES,
    **OF_CONVERSATIONS,
    **OF_STREAMS,
}
