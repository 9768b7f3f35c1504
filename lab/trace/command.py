"""`lab trace`: send a request and show each of its stages."""

import json
import sys
import urllib.request
from collections.abc import Iterator, Sequence

import click

from lab.collector.ingest.stages import CLIENT
from lab.stack.config.paths import Paths
from lab.trace.client.failures import NetworkFailure, UsageError
from lab.trace.client.items import Items
from lab.trace.client.sending import Exchange, RequestSpec, send
from lab.trace.client.spans import to_otlp
from lab.trace.client.target import RunningStack, parse_target
from lab.trace.collector_client import Collector, Document
from lab.trace.jobs import all_have_run, without_jobs
from lab.trace.options import EPILOG, HELP, PARAMETERS, Options
from lab.trace.output.document import client_document, with_response
from lab.trace.output.output_style import OutputStyle
from lab.trace.output.response_text import body, head
from lab.trace.output.waterfall import repetitions, waterfall
from lab.trace.senders import expected_processes

ANSWERED, TOO_SLOW, USAGE, NO_STACK, INTERRUPTED = 0, 1, 2, 3, 130


class _NoStack(NetworkFailure):
    exit_status = NO_STACK


def _run(**_: object) -> int:
    context = click.get_current_context()
    paths, options = context.obj, Options.of(context)
    # If the terminal cannot show a character of the response, an escape sequence is printed.
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


trace = click.Command("trace", callback=_run, params=PARAMETERS, help=HELP, epilog=EPILOG)


def _trace(paths: Paths, options: Options) -> int:
    stack = RunningStack.find(paths)
    if stack is None and options.url.startswith("/"):
        raise _NoStack("A path without a host needs a running stack. Start one:  make start")
    items = Items.parse(options.items)
    target = parse_target(options.url, items.query, stack=stack, ca=options.ca)
    collector = Collector.find(options.collector, stack)
    spec = RequestSpec.of(options.method, target, items)
    _warn_about_proxy(target.scheme)
    exchanges = list(send(spec, times=options.repeat, timeout_s=options.timeout_s))
    documents = list(_documents(exchanges, collector, follow_s=options.follow_s))
    if options.as_json:
        for document, exchange in zip(documents, exchanges, strict=True):
            print(json.dumps(with_response(document, exchange.response), ensure_ascii=False))
    else:
        _show(exchanges, documents, options.parts, OutputStyle.of(ascii_only=options.ascii_only))
    return _exit_status(options.slo_ms, max(exchange.timer.milliseconds for exchange in exchanges))


def _documents(
    exchanges: Sequence[Exchange], collector: Collector | None, *, follow_s: float | None
) -> Iterator[Document]:
    """Yield a trace for each exchange. If a collector has the server's spans, they are included.

    The spans of jobs are included only with `follow_s`, the maximum time to wait for them.
    """
    accepted = [
        collector is not None and collector.send_spans(to_otlp(exchange.context, exchange.spans))
        for exchange in exchanges
    ]
    for exchange, was_accepted in zip(exchanges, accepted, strict=True):
        joined = page = None
        if collector is not None and was_accepted:
            joined = _joined(exchange, collector, follow_s)
            page = collector.page_of(exchange.context.trace_id)
        yield {**(joined or client_document(exchange)), "page": page}


def _joined(exchange: Exchange, collector: Collector, follow_s: float | None) -> Document | None:
    """Return the trace with the servers' spans; None if no server has sent spans."""
    expected = expected_processes(exchange.spec.target)
    if expected == 1:
        return None

    def is_complete(trace: Document) -> bool:
        return len(trace["processes"]) >= expected and (follow_s is None or all_have_run(trace))

    document = collector.wait_for_trace(exchange.context.trace_id, is_complete, seconds=follow_s)
    if document is None or not set(document["processes"]) - {CLIENT}:
        return None
    shown = document if follow_s is not None else without_jobs(document)
    return {**shown, "joined": True}


def _show(
    exchanges: Sequence[Exchange], documents: Sequence[Document], parts: str, style: OutputStyle
) -> None:
    """Print the selected parts: `h`eaders, `b`ody, `w`aterfall."""
    shown = []
    if "h" in parts:
        shown.append(head(exchanges[0].response, style))
    if "b" in parts:
        shown.append(body(exchanges[0].response, style))
    if "w" in parts:
        shown.append("\n".join(waterfall(documents[0], style)))
    if "w" in parts and len(documents) > 1:
        reused = [exchange.reused_connection for exchange in exchanges]
        shown.append("\n".join(repetitions(documents, reused)))
    if any(shown):
        print("\n\n".join(filter(None, shown)))


def _exit_status(slo_ms: float | None, took_ms: float) -> int:
    if slo_ms is None or took_ms <= slo_ms:
        return ANSWERED
    print(f"Too slow: {took_ms:.1f} ms (limit {slo_ms:g} ms)", file=sys.stderr)
    return TOO_SLOW


def _warn_about_proxy(scheme: str) -> None:
    if urllib.request.getproxies_environment().get(scheme):
        print(
            f"{scheme.upper()}_PROXY is set but not used: lab trace connects to the server itself.",
            file=sys.stderr,
        )
