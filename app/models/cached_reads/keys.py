"""Keys of cached reads. Two different reads with one cache tag never have the same key."""

import json


def read_key(name: str, /, **parameters: str | int | None) -> str:
    """Return a key that is unique to this name and these parameters.

    The key is JSON, which distinguishes None, 0, "0" and the empty string. JSON also distinguishes
    a separator inside a value from the separator between two values. An f-string distinguishes
    neither.
    """
    return json.dumps([name, parameters], sort_keys=True, separators=(",", ":"))
