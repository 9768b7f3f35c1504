"""The problem of a failed stage, which the collector finds in the source of the service."""

from app.http.problems import errors_by_code
from lab.collector.traces.problem_codes import KnownProblem, known_problem


def test_each_error_of_the_service_has_its_code_and_its_texts() -> None:
    """The collector finds the texts of the service, although it does not import the service."""
    for code, error in errors_by_code().items():
        detail = f"{error.happened} {error.action}"
        assert known_problem(error.__qualname__) == KnownProblem(code, detail)
    assert known_problem("RequestValidationError", 422) == known_problem("Invalid")
    assert known_problem("RequestValidationError", 400) == known_problem("MalformedJson")
    assert known_problem("UniqueViolation") is None
    assert known_problem(None) is None
