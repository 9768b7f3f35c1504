"""`lab trace`: send a request and show each stage of it."""

import json
import sys
import urllib.request
from collections.abc import Iterator, Sequence

from lab.stack.paths import Paths
from lab.trace.collector import Collector, Document
from lab.trace.document import body_of, of_client, with_response
from lab.trace.failures import NetworkFailure, UsageError
from lab.trace.items import Items
from lab.trace.line import Response
from lab.trace.options import Options
from lab.trace.paper import Paper
from lab.trace.senders import senders
from lab.trace.sending import Order, Outcome, send
from lab.trace.spans import PROCESS, to_otlp
from lab.trace.target import Nearby, parse_target
from lab.trace.waterfall import repetitions, waterfall

ANSWERED, TOO_SLOW, USAGE, NO_STACK, INTERRUPTED = 0, 1, 2, 3, 130


class _NoStack(NetworkFailure):
    exit_status = NO_STACK


def trace(paths: Paths, arguments: Sequence[str]) -> int:
    """Send a request and show each stage of it, from the name's look-up to the last byte."""
    options = Options.parse(arguments)
    # A terminal that cannot show a letter of the response shows a stand-in.
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        return _trace(paths, options)
    except UsageError as error:
        print(f"lab trace: {error}", file=sys.stderr)
        return USAGE
    except NetworkFailure as error:
        print(error, file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        return INTERRUPTED


def _trace(paths: Paths, options: Options) -> int:
    nearby = Nearby.find(paths)
    if nearby is None and options.url.startswith("/"):
        raise _NoStack("A path alone is one of the running stack, and none runs:  make start")
    items = Items.parse(options.items)
    target = parse_target(options.url, items.query, nearby=nearby, ca=options.ca)
    collector = Collector.find(options.collector, nearby)
    order = Order.of(options.method, target, items)
    _tell_about_proxies(target.scheme)
    outcomes = list(send(order, times=options.repeat, timeout_s=options.timeout_s))
    documents = list(_documents(outcomes, collector))
    if options.as_json:
        for document, outcome in zip(documents, outcomes, strict=True):
            print(json.dumps(with_response(document, outcome.response), ensure_ascii=False))
    else:
        _show(outcomes, documents, options.parts, Paper.of(ascii_only=options.ascii_only))
    return _judge(options.slo_ms, max(outcome.measured.milliseconds for outcome in outcomes))


def _documents(outcomes: Sequence[Outcome], collector: Collector | None) -> Iterator[Document]:
    """Yield a trace for each, joined where a collector has the server's spans."""
    taken = [
        collector is not None and collector.take(to_otlp(outcome.context, outcome.spans))
        for outcome in outcomes
    ]
    for outcome, was_taken in zip(outcomes, taken, strict=True):
        order = outcome.order
        joined = _joined(outcome, collector) if collector is not None and was_taken else None
        yield joined or of_client(
            outcome.context, outcome.spans, order.method, order.target, outcome.response
        )


def _joined(outcome: Outcome, collector: Collector) -> Document | None:
    """Return the trace with what servers have added; None if none has added anything."""
    expected = senders(outcome.order.target)
    if expected == 1:
        return None
    found = collector.joined(
        outcome.context.trace_id, lambda trace: len(trace["processes"]) >= expected
    )
    if found is None or not set(found["processes"]) - {PROCESS}:
        return None
    return {**found, "joined": True}


def _show(
    outcomes: Sequence[Outcome], documents: Sequence[Document], parts: str, paper: Paper
) -> None:
    """Print the parts that are wanted: `h`eaders, `b`ody, `w`aterfall."""
    shown = []
    if "h" in parts:
        shown.append(list(_head(outcomes[0].response)))
    if "b" in parts:
        shown.append(list(_body(outcomes[0].response)))
    if "w" in parts:
        shown.append(list(waterfall(documents[0], paper)))
    if "w" in parts and len(documents) > 1:
        kept = [outcome.kept_alive for outcome in outcomes]
        shown.append(list(repetitions(documents, kept)))
    if any(shown):
        print("\n\n".join("\n".join(lines) for lines in shown if lines))


def _head(response: Response) -> Iterator[str]:
    yield f"HTTP/{response.version} {response.status} {response.reason}".rstrip()
    yield from (f"{name}: {value}" for name, value in response.headers)


def _body(response: Response) -> Iterator[str]:
    if response.body:
        yield _readable(response)
    location = response.header("Location")
    if location and 300 <= response.status < 400:  # noqa: PLR2004 - what a redirect is.
        yield f"Not followed: {location}"


def _readable(response: Response) -> str:
    body = body_of(response)
    if body is None and response.body != b"null":
        return f"({len(response.body)} bytes that are no text)"
    return body if isinstance(body, str) else json.dumps(body, indent=2, ensure_ascii=False)


def _judge(slo_ms: float | None, took_ms: float) -> int:
    if slo_ms is None or took_ms <= slo_ms:
        return ANSWERED
    print(
        f"Too slow: {took_ms:.1f} ms, where {slo_ms:g} ms are the objective (--slo).",
        file=sys.stderr,
    )
    return TOO_SLOW


def _tell_about_proxies(scheme: str) -> None:
    if urllib.request.getproxies_environment().get(scheme):
        print(
            f"{scheme.upper()}_PROXY is set and not used: behind a proxy, the stages would be the "
            "proxy's.",
            file=sys.stderr,
        )
