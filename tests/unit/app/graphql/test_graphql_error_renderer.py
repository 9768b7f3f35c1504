"""The errors of a GraphQL response, and what the log has about them."""

from graphql import GraphQLError
from structlog.testing import capture_logs

from app.errors import NotFound
from app.graphql.error_renderer import ErrorRenderer
from app.http.problems import ProblemRenderer

_RENDERER = ErrorRenderer(ProblemRenderer(root_path=""))


def test_one_failure_of_many_rows_is_logged_once() -> None:
    """A loader raises the same exception for each row. The response has at most 50 errors."""
    cause, other = RuntimeError("no"), RuntimeError("no")
    errors = [GraphQLError("no", original_error=cause) for _ in range(80)]
    with capture_logs() as lines:
        found = _RENDERER.field_errors(
            [*errors[:40], GraphQLError("no", original_error=other), *errors[40:]]
        )
    assert [line["exc_info"] for line in lines] == [cause, other]
    assert len(found) == 50
    assert {error["extensions"]["code"] for error in found} == {"internal-error"}


def test_an_expected_error_is_not_logged() -> None:
    """The client gets the error, and the access log has its code."""
    with capture_logs() as lines:
        (found,) = _RENDERER.field_errors([GraphQLError("no", original_error=NotFound())])
    assert found["extensions"]["code"] == "not-found"
    assert not lines


def test_a_value_of_the_service_that_does_not_fit_the_schema_is_an_internal_error() -> None:
    """A library's error without an original exception is a defect of the service, and is logged."""
    with capture_logs() as lines:
        (found,) = _RENDERER.field_errors(
            [GraphQLError("Int cannot represent non-integer value: 'secret'")]
        )
    assert found["extensions"]["code"] == "internal-error"
    assert "secret" not in found["message"]
    assert len(lines) == 1
