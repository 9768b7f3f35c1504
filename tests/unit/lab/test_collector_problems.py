"""The problem's code of a failed stage, which the collector finds in the source of the service."""

from app.http.problems import errors_by_code
from lab.collector.problem_codes import problem_code


def test_each_error_of_the_service_has_its_code() -> None:
    """The collector does not import the service, and finds the same codes."""
    for code, error in errors_by_code().items():
        assert problem_code(error.__qualname__) == code
    assert problem_code("RequestValidationError", 422) == "invalid-content"
    assert problem_code("RequestValidationError", 400) == "malformed-json"
    assert problem_code("UniqueViolation") is None
    assert problem_code(None) is None
