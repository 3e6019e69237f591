"""Rude in HTTP: in the head of an answer, in its body, in its encoding, in where it leads."""

from __future__ import annotations

import gzip
from functools import partial

from tests.rude.answering import (
    HEALTHY,
    PLATFORM_STATUSES,
    answer_late,
    answer_once,
    answers,
    bare,
    chunk,
    deflate_bomb,
    gzip_bomb,
    head,
    inflate,
    redirect_onwards,
    sized,
    with_platform_body,
)
from tests.rude.behaviour import Behaviour, Phase, Protocol
from tests.rude.server import Ending

http = partial(Behaviour, speaks=Protocol.HTTP)
PROMISED = "Content-Length: 1000"
CHUNKED = "Transfer-Encoding: chunked"
HEADERS, BODY = Phase.HEADERS, Phase.BODY

HEADS = (
    http(
        "drips the status line",
        HEADERS,
        "Sends a status line that never ends, a byte at a time.",
        answers(b"HTTP/1.1 200 ", repeated=b"x"),
    ),
    http(
        "drips headers",
        HEADERS,
        "Sends a header that never ends, a byte at a time.",
        answers(b"HTTP/1.1 200 Said\r\nX-Drip: ", repeated=b"x"),
    ),
    http(
        "floods headers",
        HEADERS,
        "Sends headers for ever.",
        answers(b"HTTP/1.1 200 Said\r\n", flooded=b"X-Flood: x\r\n"),
    ),
    http(
        "stalls in the headers",
        HEADERS,
        "Sends half a head and says no more.",
        answers(head()[:25], ending=Ending.SILENCE),
    ),
    http(
        "closes in the headers",
        HEADERS,
        "Sends half a head and closes.",
        answers(head()[:25], ending=Ending.CLOSE),
    ),
    http(
        "resets in the headers",
        HEADERS,
        "Sends half a head and resets.",
        answers(head()[:25], ending=Ending.RESET),
    ),
    http(
        "half-closes in the headers",
        HEADERS,
        "Sends half a head, ends its own direction and goes on reading.",
        answers(head()[:25], ending=Ending.HALF_CLOSE),
    ),
    http(
        "promises for ever",
        HEADERS,
        "Sends interim answers and never the final one.",
        answers(repeated=b"HTTP/1.1 102 Processing\r\n\r\n"),
    ),
    http(
        "floods with promises",
        HEADERS,
        "Sends interim answers for ever, as fast as they are taken.",
        answers(flooded=b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    ),
    http(
        "one huge header",
        HEADERS,
        "Sends a header of a megabyte.",
        answers(sized(HEALTHY, 200, f"X-Huge: {'x' * 2**20}")),
    ),
    http("nonsense for a status", HEADERS, "Its status is a word.", answers(sized(b"", "good"))),
    http("status of 999", HEADERS, "Its status is of no class.", answers(sized(b"", 999))),
    http(
        "two lengths",
        HEADERS,
        "Names two lengths that differ.",
        answers(sized(HEALTHY, 200, "Content-Length: 3")),
    ),
    http("answers late", HEADERS, "Answers well, after a while.", answer_late),
    http(
        "answers once and closes",
        Phase.REQUEST,
        "Answers well, promises to stay and closes.",
        partial(answer_once, then_wait=False),
    ),
    http(
        "answers once and resets",
        Phase.REQUEST,
        "Answers well and resets at the second request.",
        partial(answer_once, then_wait=True),
    ),
    http(
        "answers twice",
        HEADERS,
        "Sends an answer that nobody asked for after the one that was.",
        answers(sized(HEALTHY) + sized(b"{}", 500)),
    ),
)

BODIES = (
    http(
        "drips a body",
        BODY,
        "Promises a length and sends it a byte at a time.",
        answers(head(200, "Content-Length: 1000000"), repeated=b"x"),
    ),
    http(
        "stalls in the body",
        BODY,
        "Sends less than promised and says no more.",
        answers(head(200, PROMISED) + b"x", ending=Ending.SILENCE),
    ),
    http(
        "closes in the body",
        BODY,
        "Sends less than promised and closes.",
        answers(head(200, PROMISED) + b"x", ending=Ending.CLOSE),
    ),
    http(
        "resets in the body",
        BODY,
        "Sends less than promised and resets.",
        answers(head(200, PROMISED) + b"x", ending=Ending.RESET),
    ),
    http(
        "half-closes in the body",
        BODY,
        "Sends less than promised, ends its own direction and goes on reading.",
        answers(head(200, PROMISED) + b"x", ending=Ending.HALF_CLOSE),
    ),
    http(
        "floods a body",
        BODY,
        "Promises a terabyte and sends it.",
        answers(head(200, f"Content-Length: {2**40}"), flooded=b"x" * 1024),
    ),
    http(
        "floods a body of no length",
        BODY,
        "Promises nothing and sends for ever.",
        answers(head(200, "Connection: close"), flooded=b"x" * 1024),
    ),
    http(
        "endless chunks",
        BODY,
        "Sends chunks for ever, as fast as they are taken.",
        answers(head(200, CHUNKED), flooded=chunk(b"x" * 100)),
    ),
    http(
        "drips chunks",
        BODY,
        "Sends small chunks for ever, one each interval.",
        answers(head(200, CHUNKED), repeated=chunk(b"x")),
    ),
    http(
        "a chunk of no size",
        BODY,
        "Sends a chunk whose size is a word.",
        answers(head(200, CHUNKED) + b"many\r\nx\r\n"),
    ),
    http(
        "closes in a chunk",
        BODY,
        "Sends half a chunk and closes.",
        answers(head(200, CHUNKED) + b"64\r\nx", ending=Ending.CLOSE),
    ),
    http(
        "closes without a last chunk",
        BODY,
        "Sends whole chunks and closes before the last.",
        answers(head(200, CHUNKED) + chunk(HEALTHY), ending=Ending.CLOSE),
    ),
    http(
        "endless trailers",
        BODY,
        "Sends trailers for ever after the last chunk.",
        answers(head(200, CHUNKED) + chunk(HEALTHY) + b"0\r\n", flooded=b"X-Trailer: x\r\n"),
    ),
    http(
        "a gzip bomb",
        BODY,
        "65 KB that inflate to 67 MB.",
        inflate(gzip_bomb, "Content-Encoding: gzip"),
    ),
    http(
        "a deflate bomb",
        BODY,
        "65 KB that inflate to 67 MB.",
        inflate(deflate_bomb, "Content-Encoding: deflate"),
    ),
    http(
        "broken gzip",
        BODY,
        "Claims gzip and is not.",
        answers(sized(HEALTHY, 200, "Content-Encoding: gzip")),
    ),
    http(
        "half a gzip",
        BODY,
        "Sends the first half of a compressed body as the whole.",
        answers(sized(gzip.compress(HEALTHY * 9)[:20], 200, "Content-Encoding: gzip")),
    ),
    http(
        "an encoding nobody asked for",
        BODY,
        "Claims brotli.",
        answers(sized(HEALTHY, 200, "Content-Encoding: br")),
    ),
    http("a body that is not JSON", BODY, "Claims JSON and is not.", answers(sized(b"{status}"))),
    http("a body that is not text", BODY, "Is not UTF-8.", answers(sized(b"\xff\xfe\xfd"))),
    http("nothing with a body", BODY, "204, and a body.", answers(sized(HEALTHY, 204))),
)

REDIRECTS = (
    http(
        "redirects in a loop",
        HEADERS,
        "Redirects each request to the same place.",
        answers(sized(b"", 307, "Location: /loop")),
    ),
    http("redirects onwards", HEADERS, "Redirects each request to a new place.", redirect_onwards),
    http(
        "redirects elsewhere",
        HEADERS,
        "Redirects to a host that is nobody's.",
        answers(sized(b"", 307, "Location: https://elsewhere.invalid/path")),
    ),
    http("redirects nowhere", HEADERS, "Redirects without a place.", answers(sized(b"", 307))),
    http(
        "redirects to nonsense",
        HEADERS,
        "Redirects to what is no URL.",
        answers(sized(b"", 307, "Location: http://[half/an address")),
    ),
)

REFUSALS = (
    *(
        http(f"status {status}", HEADERS, f"Answers {status} without a body.", bare(status))
        for status in PLATFORM_STATUSES
    ),
    *(
        http(
            f"status {status} of the platform",
            HEADERS,
            f"Answers {status} with the platform's error body.",
            with_platform_body(status),
        )
        for status in PLATFORM_STATUSES
    ),
    http(
        "a page of a proxy",
        HEADERS,
        "Answers 502 with a page in HTML.",
        answers(
            sized(b"<html><h1>Bad Gateway</h1></html>", 502, "Content-Type: text/html"),
        ),
    ),
)

ANSWERS = (*HEADS, *BODIES, *REDIRECTS, *REFUSALS)
