"""The text in the last column of the waterfall, which describes a stage in a few words."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

Attributes = Mapping[str, Any]

SOURCE_LINE: Final = re.compile(r"/?[^/ ]*\.py:\d+$")
"""The end of a detail that is a line of source code, such as `/file.py:12`."""
_NAMED: Final = {"smtp", "resolver"}
"""The stages that are described by the name of their span."""


def detail(span: Mapping[str, Any]) -> str:
    """Describe a span by its attributes. If the span failed, the error's type comes first."""
    attributes: Attributes = span["attributes"]
    errors = [
        str(attributes[name]) for name in ("error.type", "exception.type") if name in attributes
    ]
    text = _DETAILS.get(span["stage"], partial(_text, "description"))(attributes)
    # For the stages in `_NAMED`, the name of the span says more than the line of source code.
    text = text or ("" if span["stage"] in _NAMED else _source_line(span))
    if not text and span["name"] != span["stage"]:
        text = span["name"]
    return " ".join([*errors[:1], text])


def _text(name: str, attributes: Attributes) -> str:
    return str(attributes.get(name, ""))


def _body_size(name: str, attributes: Attributes) -> str:
    size = attributes.get(name)
    return "" if size is None else f"{size} bytes of body"


def _request(attributes: Attributes) -> str:
    return f"{attributes.get('http.request.method', '')} {attributes.get('url.full', '')}".strip()


def _dns(attributes: Attributes) -> str:
    return ", ".join(attributes.get("dns.answers", ()))


def _connect(attributes: Attributes) -> str:
    host = str(attributes.get("network.peer.address", ""))
    return f"{f'[{host}]' if ':' in host else host}:{attributes.get('network.peer.port', '')}"


def _tls(attributes: Attributes) -> str:
    return f"{attributes.get('tls.protocol.version', '')} {attributes.get('tls.cipher', '')}"


def _hash(attributes: Attributes) -> str:
    waited = attributes.get("roundtrip.waited_ms")
    return "" if waited is None else f"waited {float(waited):.1f} ms for a thread"


def _statement(attributes: Attributes) -> str:
    return str(attributes.get("db.query.text") or attributes.get("db.operation.name") or "")


def _source_line(span: Mapping[str, Any]) -> str:
    code = span.get("code")
    return f"{code['file']}:{code['line']}" if code else ""


_DETAILS: Final[Mapping[str, Callable[[Attributes], str]]] = {
    "request": _request,
    "dns": _dns,
    "connect": _connect,
    "tls": _tls,
    "send": partial(_body_size, "http.request.body.size"),
    "receive": partial(_body_size, "http.response.body.size"),
    "cache": partial(_text, "roundtrip.cache"),
    "hash": _hash,
    "sql": _statement,
    "redis": _statement,
    "app": partial(_text, "http.route"),
}
