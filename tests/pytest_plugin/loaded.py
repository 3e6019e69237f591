"""What suites that run in this process import, so that it is there once and for all.

An inner run forgets what it imported first: without this each would import it anew, in copies that
do not know each other.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import walk_packages

import anyio.lowlevel
import anyio.streams.stapled
import anyio.streams.tls
import jwt
import tenacity
import uvicorn.lifespan.off
import uvicorn.loops.asyncio
import xdist.dsession
import xdist.remote

import netra_testkit

__all__ = ["LOADED"]

LOADED = (
    *(anyio, jwt, tenacity, uvicorn, xdist),
    *(import_module(each.name) for each in walk_packages(netra_testkit.__path__, "netra_testkit.")),
    *(getattr(netra_testkit, name) for name in netra_testkit.__all__),
)
