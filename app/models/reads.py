"""What a read asks for, as text, so that two different reads never have the same text."""

import json


def read_key(name: str, /, **parameters: str | int | None) -> str:
    """Return one text for these parameters, and another text for any others.

    JSON keeps apart what an f-string does not: None, 0, "0" and the empty string; and a separator
    inside a value from the one between two values.
    """
    return json.dumps([name, parameters], sort_keys=True, separators=(",", ":"))
