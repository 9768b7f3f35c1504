"""What a response says itself of the server's stages: the Server-Timing header of the W3C.

It tells how long each took, and not when. `make start` has it on, production does not.
"""

import re
from typing import Any

from lab.trace.spans import STAGE_ATTRIBUTE

# Server Timing, section 3: `sql;dur=1.5;desc="INSERT users", cache;desc=hit`.
_METRIC = re.compile(
    r"""([!#$%&'*+.^_`|~\w-]+)((?:\s*;\s*[\w-]+\s*=\s*(?:"[^"]*"|[^;,"]*))*)""", re.ASCII
)
_PARAMETER = re.compile(r';\s*([\w-]+)\s*=\s*(?:"([^"]*)"|([^;,"]*))', re.ASCII)
_DURATION = re.compile(r"\d{1,9}(\.\d{1,9})?", re.ASCII)


def server_timing(header: str | None, parent_id: str) -> list[dict[str, Any]]:
    """Return the stages that the header names, as the document has spans (`lab.trace.document`)."""
    entries: list[dict[str, Any]] = []
    for name, parameters in _METRIC.findall(header or ""):
        found = _PARAMETER.findall(parameters)
        given = {key.lower(): (quoted or plain).strip() for key, quoted, plain in found}
        if not _DURATION.fullmatch(given.get("dur", "")):
            continue
        attributes = {STAGE_ATTRIBUTE: name}
        if "desc" in given:
            attributes["description"] = given["desc"]
        entries.append(
            {
                "id": f"{name}-{len(entries) + 1}",
                "parent_id": parent_id,
                "process": "app",
                "stage": name,
                "name": name,
                "start_ms": None,
                "duration_ms": float(given["dur"]),
                "depth": 2,
                "error": False,
                "attributes": attributes,
                "code": None,
            }
        )
    return entries
