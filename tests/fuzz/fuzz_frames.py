"""Feed the decoder of frames with anything: it answers with a frame or a WireError.

Run it with ``python -m tests.fuzz.fuzz_frames``; arguments go to libFuzzer.
"""

from __future__ import annotations

import pickle
import sys
import tempfile
from pathlib import Path

SEEDS = Path(__file__).with_name("seeds") / "frames"
SECONDS = 60
LONGEST_LINE = 400

FACTS = (
    "type",
    "type_name",
    "body",
    "message_id",
    "run_id",
    "thread_id",
    "user_id",
    "connection_id",
    "request_id",
    "correlation_id",
    "timestamp",
    "error_code",
    "error_text",
)


def exercise(data: str | bytes) -> None:
    """Decode it and ask for everything; only a WireError may come of it."""
    # Here, because the fuzzer must be there before what it measures is imported.
    from netra_testkit.errors import WireError
    from netra_testkit.wire.frames import Frame, encode

    try:
        frame = Frame.decode(data, received_at=0.0)
    except WireError as refused:
        check(refused)
        return
    for fact in FACTS:
        try:
            getattr(frame, fact)
        except WireError as refused:
            check(refused)
    if pickle.loads(pickle.dumps(frame)) != frame or not repr(frame).isprintable():  # noqa: S301 - ours
        raise AssertionError(f"{frame!r} changes on its way through pickle")
    try:
        text = encode(frame.type or "ack", frame.body, message_id="m", timestamp=0, as_server=True)
    except WireError as refused:
        check(refused)
    else:
        Frame.decode(text)


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
        sys.stdout.write("fuzz_frames did not run: atheris is not installed\n")
        return 0
    with atheris.instrument_imports(include=["netra_testkit"]):
        exercise(b"{}")
    # What is found stays out of the checkout; the fuzzer ends the process itself.
    found = tempfile.mkdtemp(prefix="fuzz_frames_")
    options = arguments or [f"-max_total_time={SECONDS}"]
    places = [f"-artifact_prefix={found}/", found, str(SEEDS)]
    atheris.Setup([sys.argv[0], *options, *places], exercise)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
