"""`python -m netra_testkit.cli` is the command `netra-testkit`."""

from __future__ import annotations

import sys

from netra_testkit.cli import main

if __name__ == "__main__":  # pragma: no branch - it is run, never imported
    sys.exit(main())
