"""Parses the arguments of `lab trace` after the address, which are in the notation of HTTPie.

    name=Ahmed      a string of the JSON body
    quantity:=1     a number, true, null, a list or an object of the JSON body
    limit==10       a parameter of the query
    Accept:text/*   a header; if there is no value after the colon, the header is not sent
    @order.json     the file's bytes as the body

The first separator in an item counts; a backslash escapes a separator.
HTTPie's own parser is not used: it is not a public interface, and depends on requests and rich.
"""

import json
import mimetypes
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from lab.trace.client.failures import UsageError

_ITEM = re.compile(r"((?:\\.|[^\\:=])+)(:=|==|=|:)(.*)", re.DOTALL)
_ESCAPED = re.compile(r"\\([\\:=@])")
# RFC 9110, sections 5.6.2 (token) and 5.5: a value must not contain a line break.
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[^\r\n\0]*")


@dataclass
class Items:
    """The headers, query parameters and body of a request."""

    headers: dict[str, str] = field(default_factory=dict)
    query: list[tuple[str, str]] = field(default_factory=list)
    fields: dict[str, object] = field(default_factory=dict)
    file: Path | None = None

    @classmethod
    def parse(cls, texts: Iterable[str]) -> "Items":
        """Read the items in order. If a field or a header occurs twice, the last item counts.

        :raises UsageError: when an item is invalid. The message names the item.
        """
        items = cls()
        for text in texts:
            items._add(text)
        if items.fields and items.file:
            raise UsageError(f"Send either fields or the file {items.file} as the body, not both.")
        return items

    def body(self) -> tuple[bytes, str] | None:
        """Return the body with its media type; None if there is no body.

        :raises UsageError: when the file cannot be read.
        """
        if self.file is not None:
            try:
                content = self.file.read_bytes()
            except OSError as error:
                raise UsageError(f"{self.file} cannot be read: {error.strerror}.") from error
            return content, mimetypes.guess_type(self.file.name)[0] or "application/octet-stream"
        if self.fields:
            content = json.dumps(self.fields, ensure_ascii=False, separators=(",", ":")).encode()
            return content, "application/json"
        return None

    def _add(self, text: str) -> None:
        if text.startswith("@"):
            self.file = Path(text[1:]).expanduser()
            return
        match = _ITEM.fullmatch(text)
        if match is None:
            raise UsageError(
                f"`{text}` is not an item. Write name=text, name:=json, Header:value, "
                "parameter==value or @file."
            )
        name, separator, value = _ESCAPED.sub(r"\1", match[1]), match[2], match[3]
        if separator == "==":
            self.query.append((name, value))
        elif separator == ":":
            self._add_header(name, value.strip())
        else:
            self.fields[name] = value if separator == "=" else _json(name, value)

    def _add_header(self, name: str, value: str) -> None:
        # The message does not repeat the value, which may be a secret.
        if not (_HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(value)):
            raise UsageError(f"`{name}` and its value are not a valid header.")
        self.headers[name] = value


def _json(name: str, value: str) -> object:
    try:
        return json.loads(value)
    except ValueError as error:
        raise UsageError(
            f"The value after {name}:= is not JSON ({error}). To send a string:  {name}=…"
        ) from error
