"""The command line of `lab trace`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import click
from click.core import ParameterSource

_METHOD = re.compile(r"[A-Za-z]+")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s)", re.ASCII)
_MAX_REPEATS = 1000
# HTTPie's letters for the response's headers and body, and `w` for the waterfall.
_PARTS = "hbw"

_CURL_OPTIONS: Final[dict[tuple[str, ...], str]] = {
    ("-X", "--request"): "lab trace DELETE /api/users/1",
    ("-H", "--header"): "lab trace /api/products Accept:application/json",
    ("-d", "--data"): "lab trace /api/users name=Ahmed email=ahmed@example.com",
}

EPILOG = """\
\b
Items, in HTTPie's notation:
  name=Ahmed  quantity:=1  limit==10  Accept:text/plain  @order.json
  (JSON string, other JSON, query parameter, header, file as the body)

\b
Examples:
  lab trace POST /api/users name=Ahmed email=ahmed@example.com password='correct horse battery'
  lab trace --repeat 2 /api/products/1
  lab trace --follow 10s POST /api/users name=Ahmed email=a@example.com password='a long password'
  lab trace --slo 200ms --json https://example.com/

\b
Exit status: 0 response received, with any status; 1 slower than --slo; 2 usage; 3 no stack runs;
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
    follow_s: float | None
    """The maximum time to wait for the request's jobs; None to leave them out."""

    @classmethod
    def of(cls, context: click.Context) -> Self:
        """Take the parsed parameters of the command.

        :raises click.UsageError: when two parameters exclude each other.
        """
        given = dict(context.params)
        printed = context.get_parameter_source("parts") is not ParameterSource.DEFAULT
        if given["as_json"] and printed:
            raise click.UsageError("--json and --print cannot be used together.", context)
        words = list(given.pop("words"))
        # As in HTTPie, a word that has only letters is a method if an address follows.
        has_method = len(words) > 1 and _METHOD.fullmatch(words[0]) is not None
        method = words.pop(0).upper() if has_method else None
        return cls(method=method, url=words[0], items=words[1:], **given)


def milliseconds(text: str) -> float:
    """Read `200ms` or `1.5s`.

    :raises click.BadParameter: when the text is not such a duration.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise click.BadParameter(f"`{text}` is not a duration such as 200ms or 1.5s")
    return float(match[1]) * (1000 if match[2] == "s" else 1)


def _parts(text: str) -> str:
    if not text or set(text) - set(_PARTS):
        raise click.BadParameter(f"`{text}` is not one or more of the letters {_PARTS}")
    return text


def _seconds(text: str) -> float:
    seconds = milliseconds(text) / 1000
    if seconds <= 0:
        raise click.BadParameter("a timeout must be more than 0")
    return seconds


def _refuse_curl_option(context: click.Context, option: click.Parameter, value: object) -> None:
    if value is not None:
        raise click.UsageError(
            f"lab trace has no option {option.opts[0]}. Use HTTPie's notation:  "
            f"{_CURL_OPTIONS[tuple(option.opts)]}",
            context,
        )


PARAMETERS: Final[list[click.Parameter]] = [
    click.Argument(["words"], nargs=-1, required=True, metavar="[METHOD] URL|PATH [ITEM]..."),
    click.Option(
        ["--json", "as_json"], is_flag=True, help="One JSON document per request; see docs/trace.md"
    ),
    click.Option(
        ["--print", "parts"], type=_parts, default=_PARTS, metavar=_PARTS,
        help="Headers, body, waterfall",
    ),
    click.Option(
        ["--repeat"], type=click.IntRange(1, _MAX_REPEATS), default=1, metavar="N",
        help="Send the request N times on one connection",
    ),
    click.Option(
        ["--slo", "slo_ms"], type=milliseconds, metavar="200ms",
        help="Exit with 1 if the request takes longer",
    ),
    click.Option(
        ["--timeout", "timeout_s"], type=_seconds, default="30s", metavar="30s",
        help="Fail after this time",
    ),
    click.Option(
        ["--follow", "follow_s"], type=_seconds, is_flag=False, flag_value="30s", metavar="[30s]",
        help="Wait for the request's jobs in the worker, and show them",
    ),
    click.Option(
        ["--collector"], metavar="URL", help="A stack's origin, such as http://localhost:8080"
    ),
    click.Option(
        ["--cacert", "ca"], type=Path, metavar="FILE",
        help="The certificate authority to trust, in PEM",
    ),
    click.Option(["--ascii", "ascii_only"], is_flag=True, help="Draw without Unicode"),
    *(
        click.Option(
            list(names), is_flag=False, flag_value="", hidden=True, expose_value=False,
            callback=_refuse_curl_option,
        )
        for names in _CURL_OPTIONS
    ),
]  # fmt: skip

HELP: Final = """Send a request and show each of its stages. A PATH alone goes to the local stack.

The default METHOD is GET, or POST with a body.
"""
