"""Feed the parser of event streams with anything: it answers with events or a MalformedFrame.

Run it with ``python -m tests.fuzz.fuzz_sse``; arguments go to libFuzzer.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

SEEDS = Path(__file__).with_name("seeds") / "sse"
SECONDS = 60
LARGEST = 100
LONGEST_LINE = 400


def heard(pieces: list[bytes]) -> list[object]:
    """The events of a stream, and how it ended where it was refused."""
    # Here, because the fuzzer must be there before what it measures is imported.
    from netra_testkit.errors import MalformedFrame
    from netra_testkit.wire.sse import SseParser

    parser = SseParser(max_size=LARGEST)
    found: list[object] = []
    try:
        for piece in [*pieces, b""]:
            found += parser.feed(piece)
    except MalformedFrame as refused:
        check(refused)
        found.append(refused.reason)
    return found


def exercise(data: bytes) -> None:
    """Parse it whole, byte by byte and in two; ask each event for everything."""
    from netra_testkit.errors import WireError
    from netra_testkit.wire.sse import SseEvent

    whole = heard([data])
    half = len(data) // 2
    if (
        heard([bytes([each]) for each in data]) != whole
        or heard([data[:half], data[half:]]) != whole
    ):
        raise AssertionError("the events depend on how the bytes were cut")
    for event in whole:
        if not isinstance(event, SseEvent):
            continue
        if len(event.data) > LARGEST:
            raise AssertionError("an event is larger than allowed")
        for ask in (event.json, event.frame):
            try:
                ask()
            except WireError as refused:
                check(refused)


def check(refused: Exception) -> None:
    """What is said of a refusal is short and can be printed anywhere."""
    lines = str(refused).splitlines()
    if not all(len(line) < LONGEST_LINE and line.isprintable() for line in lines):
        raise AssertionError("the text of an error is unbounded or does not print")


def main(arguments: list[str]) -> int:
    """Fuzz for a minute, or as the arguments say."""
    try:
        import atheris
    except ImportError:
        sys.stdout.write("fuzz_sse did not run: atheris is not installed\n")
        return 0
    with atheris.instrument_imports(include=["netra_testkit"]):
        exercise(b"data: {}\n\n")
    # What is found stays out of the checkout; the fuzzer ends the process itself.
    found = tempfile.mkdtemp(prefix="fuzz_sse_")
    options = arguments or [f"-max_total_time={SECONDS}"]
    places = [f"-artifact_prefix={found}/", found, str(SEEDS)]
    atheris.Setup([sys.argv[0], *options, *places], exercise)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
