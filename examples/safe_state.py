"""Log any state and any object: always text, always JSON, never an exception."""

from __future__ import annotations

import enum
import json

from netra_testkit import safe_state, to_jsonable

WebSocketState = enum.Enum("WebSocketState", ["CONNECTED"])

try:
    json.dumps({"state": WebSocketState.CONNECTED})
except TypeError as error:
    print("json.dumps alone: ", error)

print("safe_state:       ", safe_state(WebSocketState.CONNECTED))
assert safe_state(WebSocketState.CONNECTED) == "connected"

graph = {WebSocketState.CONNECTED: {3, 1}, "rate": float("nan"), "error": ValueError("no route")}
print("to_jsonable:      ", json.dumps(to_jsonable(graph)))
assert json.loads(json.dumps(to_jsonable(graph)))["connected"] == [1, 3]

graph["itself"] = graph
print("and with a cycle: ", json.dumps(to_jsonable(graph)))
assert to_jsonable(graph)["itself"] == "<cycle>"
