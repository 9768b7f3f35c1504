"""The error of the collector. `problems.py` converts it to a response."""


class Problem(Exception):
    """An error: its HTTP status, a text for the user, and the invalid query parameter, if any."""

    def __init__(self, status: int, detail: str, *, parameter: str | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.parameter = parameter
