"""The command line of `lab trace`."""

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_METHOD = re.compile(r"[A-Za-z]+")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s)", re.ASCII)
_MAX_REPEATS = 1000
# HTTPie's letters for the response's headers and body, and `w` for the waterfall.
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

exit status: 0 response received, with any status; 1 slower than --slo; 2 usage; 3 no stack runs;
4 name not found; 5 not connected; 6 TLS failed; 7 timeout; 8 the connection broke
"""


@dataclass(frozen=True)
class Options:
    """The parsed command line."""

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
        """Parse the command line. If it is invalid, the process exits with status 2."""
        parser = _parser()
        parsed = parser.parse_intermixed_args(arguments)
        words: list[str] = parsed.words
        # As in HTTPie, the first word is a method if it has only letters and another word follows.
        has_method = len(words) > 1 and _METHOD.fullmatch(words[0]) is not None
        method = words.pop(0).upper() if has_method else None
        return cls(
            method=method,
            url=words[0],
            items=words[1:],
            as_json=parsed.json,
            repeat=parsed.repeat,
            slo_ms=parsed.slo,
            timeout_s=parsed.timeout,
            collector=parsed.collector,
            ca=parsed.cacert,
            ascii_only=parsed.ascii,
            parts=parsed.print,
        )


def milliseconds(text: str) -> float:
    """Read `200ms` or `1.5s`.

    :raises argparse.ArgumentTypeError: when the text is not such a duration.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError(f"`{text}` is not a duration such as 200ms or 1.5s")
    return float(match[1]) * (1000 if match[2] == "s" else 1)


class _CurlOption(argparse.Action):
    """An option of curl, which `lab trace` refuses with a message that shows the equivalent."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        """Print the message, and exit with status 2."""
        option = self.option_strings[0]
        parser.error(f"lab trace has no option {option}. Use HTTPie's notation:  {self.const}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lab trace",
        usage="lab trace [options] [METHOD] URL|PATH [ITEM ...]",
        description="Send a request and show each of its stages. A PATH alone goes to the local "
        "stack.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("words", nargs="+", metavar="URL", help="the default METHOD is GET, or POST with a body")
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument(
        "--json", action="store_true", help="one JSON document per request; see docs/trace.md"
    )
    shown.add_argument(
        "--print", type=_parts, default=_PARTS, metavar="hbw", help="headers, body, waterfall"
    )
    add("--repeat", type=_count, default=1, metavar="N", help="send N requests on one connection")
    add("--slo", type=milliseconds, metavar="200ms", help="exit with 1 if a request takes longer")
    add("--timeout", type=_seconds, default=30.0, metavar="30s", help="fail after this time")
    add("--collector", metavar="URL", help="a stack's origin, such as http://localhost:8080")
    add("--cacert", type=Path, metavar="FILE", help="the certificate authority to trust, in PEM")
    add("--ascii", action="store_true", help="draw without Unicode")
    for option, equivalent in _CURL_OPTIONS.items():
        names = option.split()
        add(*names, action=_CurlOption, nargs="?", const=equivalent, help=argparse.SUPPRESS)
    return parser


def _parts(text: str) -> str:
    if not text or set(text) - set(_PARTS):
        raise argparse.ArgumentTypeError(f"`{text}` is not one or more of the letters {_PARTS}")
    return text


def _seconds(text: str) -> float:
    seconds = milliseconds(text) / 1000
    if seconds <= 0:
        raise argparse.ArgumentTypeError("a timeout must be more than 0")
    return seconds


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= _MAX_REPEATS):
        raise argparse.ArgumentTypeError(f"`{text}` is not a number from 1 to {_MAX_REPEATS}")
    return int(text)
