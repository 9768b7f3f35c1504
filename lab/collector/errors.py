"""The error of the collector. `problems.py` converts it to a response."""


class Problem(Exception):
    """An error with an HTTP status, and a detail for the user; perhaps with a query parameter."""

    def __init__(self, status: int, detail: str, *, parameter: str | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.parameter = parameter
