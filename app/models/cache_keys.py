"""Cache keys for reads. Two different reads never have the same key."""

import json


def read_key(name: str, /, **parameters: str | int | None) -> str:
    """Return a key that is unique to these parameters.

    Unlike an f-string, JSON distinguishes None, 0, "0" and the empty string, and a separator
    inside a value from the separator between two values.
    """
    return json.dumps([name, parameters], sort_keys=True, separators=(",", ":"))
