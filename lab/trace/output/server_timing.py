"""Parses the response header Server-Timing (W3C), which lists the server's stages.

The header has the duration of each stage, but not its start. The local stack enables the header. In
production, the header is off by default.
"""

import re
from typing import Any

from lab.collector.ingest.stages import STAGE_ATTRIBUTE

# Server Timing, section 3: `sql;dur=1.5;desc="INSERT users", cache;desc=hit`.
_METRIC = re.compile(
    r"""([!#$%&'*+.^_`|~\w-]+)((?:\s*;\s*[\w-]+\s*=\s*(?:"[^"]*"|[^;,"]*))*)""", re.ASCII
)
_PARAMETER = re.compile(r';\s*([\w-]+)\s*=\s*(?:"([^"]*)"|([^;,"]*))', re.ASCII)
_DURATION = re.compile(r"\d{1,9}(\.\d{1,9})?", re.ASCII)


def server_timing(header: str | None, parent_id: str) -> list[dict[str, Any]]:
    """Return the header's stages as entries of `spans` (see `lab.trace.output.document`)."""
    entries: list[dict[str, Any]] = []
    for name, parameters in _METRIC.findall(header or ""):
        parts = _PARAMETER.findall(parameters)
        values = {key.lower(): (quoted or plain).strip() for key, quoted, plain in parts}
        if not _DURATION.fullmatch(values.get("dur", "")):
            continue
        attributes = {STAGE_ATTRIBUTE: name}
        if "desc" in values:
            attributes["description"] = values["desc"]
        entries.append(
            {
                "id": f"{name}-{len(entries) + 1}",
                "parent_id": parent_id,
                "process": "app",
                "stage": name,
                "name": name,
                "start_ms": None,
                "duration_ms": float(values["dur"]),
                "depth": 2,
                "error": False,
                "problem": None,
                "problem_detail": None,
                "attributes": attributes,
                "code": None,
            }
        )
    return entries
