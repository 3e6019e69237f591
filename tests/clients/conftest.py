"""What every client needs is loaded before a test measures time."""

from __future__ import annotations

import netra_testkit.clients.availability
import netra_testkit.clients.chat
import netra_testkit.clients.crowd
import netra_testkit.clients.http
import netra_testkit.clients.retry
import netra_testkit.clients.sse
import netra_testkit.clients.staging  # noqa: F401 - all of them: see above
