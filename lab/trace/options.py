"""The command line of `lab trace`."""

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_METHOD = re.compile(r"[A-Za-z]+")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s)", re.ASCII)
_MOST_REPEATS = 1000
# HTTPie's letters for the response's headers and body, and one for what it does not have.
_PARTS = "hbw"

_CURL_OPTIONS = {
    "-X --request": "lab trace DELETE /api/users/1",
    "-H --header": "lab trace /api/products Accept:application/json",
    "-d --data": "lab trace /api/users name=Ahmed email=ahmed@example.com",
}

_EPILOG = """\
items, in HTTPie's notation:
  name=Ahmed  quantity:=1  limit==10  Accept:text/plain  @order.json
  (JSON string, other JSON, query parameter, header, file as the body)

examples:
  lab trace POST /api/users name=Ahmed email=ahmed@example.com password='correct horse battery'
  lab trace --repeat 2 /api/products/1
  lab trace --slo 200ms --json https://example.com/

exit status: 0 there was a response, whichever; 1 slower than --slo; 2 usage; 3 no stack runs;
4 name not found; 5 not connected; 6 TLS failed; 7 timeout; 8 the connection broke
"""


@dataclass(frozen=True)
class Options:
    """What was typed."""

    method: str | None
    url: str
    items: Sequence[str]
    as_json: bool
    repeat: int
    slo_ms: float | None
    timeout_s: float
    collector: str | None
    ca: Path | None
    ascii_only: bool
    parts: str

    @classmethod
    def parse(cls, arguments: Sequence[str]) -> "Options":
        """Read the command line; with a wrong one the process ends, with status 2."""
        parser = _parser()
        found = parser.parse_intermixed_args(arguments)
        words: list[str] = found.words
        # As HTTPie has it: letters alone are a method if an address follows them.
        has_method = len(words) > 1 and _METHOD.fullmatch(words[0]) is not None
        method = words.pop(0).upper() if has_method else None
        return cls(
            method=method,
            url=words[0],
            items=words[1:],
            as_json=found.json,
            repeat=found.repeat,
            slo_ms=found.slo,
            timeout_s=found.timeout,
            collector=found.collector,
            ca=found.cacert,
            ascii_only=found.ascii,
            parts=found.print,
        )


def milliseconds(text: str) -> float:
    """Read `200ms` or `1.5s`.

    :raises argparse.ArgumentTypeError: when it is neither.
    """
    found = _DURATION.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"`{text}` is no duration such as 200ms or 1.5s")
    return float(found[1]) * (1000 if found[2] == "s" else 1)


class _CurlOption(argparse.Action):
    """An option of curl: the error says how it is written here."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        """End the process with status 2."""
        option = self.option_strings[0]
        parser.error(f"lab trace has no {option}. Write it as in HTTPie:  {self.const}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lab trace",
        usage="lab trace [options] [METHOD] URL|PATH [ITEM ...]",
        description="Send a request and show each stage of it; a PATH alone is the local stack's.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("words", nargs="+", metavar="URL", help="GET and POST need not be said")
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument(
        "--json", action="store_true", help="one JSON document for each request; see docs/trace.md"
    )
    shown.add_argument(
        "--print", type=_parts, default=_PARTS, metavar="hbw", help="headers, body, waterfall"
    )
    add("--repeat", type=_count, default=1, metavar="N", help="send it N times, connection kept")
    add("--slo", type=milliseconds, metavar="200ms", help="exit with 1 when it took longer")
    add("--timeout", type=_seconds, default=30.0, metavar="30s", help="give up after this time")
    add("--collector", metavar="URL", help="a stack's origin, such as http://localhost:8080")
    add("--cacert", type=Path, metavar="FILE", help="the authority to trust, in PEM")
    add("--ascii", action="store_true", help="draw without Unicode")
    for option, here in _CURL_OPTIONS.items():
        names = option.split()
        add(*names, action=_CurlOption, nargs="?", const=here, help=argparse.SUPPRESS)
    return parser


def _parts(text: str) -> str:
    if not text or set(text) - set(_PARTS):
        raise argparse.ArgumentTypeError(f"`{text}` is none of the letters {_PARTS}, or several")
    return text


def _seconds(text: str) -> float:
    seconds = milliseconds(text) / 1000
    if seconds <= 0:
        raise argparse.ArgumentTypeError("a timeout is more than nothing")
    return seconds


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= _MOST_REPEATS):
        raise argparse.ArgumentTypeError(f"`{text}` is no number from 1 to {_MOST_REPEATS}")
    return int(text)
