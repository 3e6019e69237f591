"""The tools of the deployment: which servers offer them, and calling one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field
from starlette.responses import JSONResponse

from netra_testkit.local.access import optional
from netra_testkit.local.refusals import PlatformError
from netra_testkit.local.routes.bodies import Body, Metadata, Name, read
from netra_testkit.local.routes.table import route
from netra_testkit.local.tools import TOOLS, ToolFailed
from netra_testkit.local.world import world_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

__all__ = ["ROUTES"]


class _Call(Body):
    name: Name
    arguments: Metadata = Field(default_factory=dict)


async def _servers(request: Request) -> Response:
    await optional(request)
    version = world_of(request).version
    data = [
        {
            "name": server,
            "status": "connected",
            "version": version,
            "capabilities": {"tools": tools, "resources": [], "prompts": []},
        }
        for server, tools in _tools_by_server().items()
    ]
    return JSONResponse({"data": data, "status": "success"})


async def _config(request: Request) -> Response:
    await optional(request)
    url = f"{world_of(request).urls.api}/mcp"
    servers = {server: {"url": url, "tools": tools} for server, tools in _tools_by_server().items()}
    tools = [{"name": each.name, "description": each.description} for each in TOOLS.values()]
    return JSONResponse({"servers": servers, "tools": tools, "status": "success"})


async def _status(request: Request) -> Response:
    await optional(request)
    servers = dict.fromkeys(_tools_by_server(), "connected")
    return JSONResponse({"status": "healthy", "servers": servers, "tools": len(TOOLS)})


async def _call(request: Request) -> Response:
    await optional(request)
    call = await read(request, _Call)
    tool = TOOLS.get(call.name)
    if tool is None:
        raise PlatformError(404, "TOOL_NOT_FOUND", "There is no such tool.", {"tools": [*TOOLS]})
    said: dict[str, Any] = {"tool": tool.name, "result": None, "error": None}
    try:
        said["result"] = tool.call(call.arguments)
    except ToolFailed as failed:
        said["error"] = failed.reason
    failed_or_not = "success" if said["error"] is None else "error"
    return JSONResponse({"status": failed_or_not, **said})


def _tools_by_server() -> dict[str, list[str]]:
    servers: dict[str, list[str]] = {}
    for tool in TOOLS.values():
        servers.setdefault(tool.server, []).append(tool.name)
    return servers


ROUTES: Sequence[Route] = (
    route("/api/mcp/servers", GET=_servers),
    route("/api/mcp/config", GET=_config),
    route("/api/mcp/status", GET=_status),
    route("/api/mcp/tools/call", POST=_call),
)
"""Everything about tools."""
