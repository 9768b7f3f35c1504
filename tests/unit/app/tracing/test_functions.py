"""The source code that a span names."""

from app.tracing.functions import code_attributes_of_caller


def test_without_a_caller_in_the_service_a_span_names_no_code() -> None:
    """A background task has no such caller: its callers are the event loop and the server."""
    assert code_attributes_of_caller("app.repositories.postgres.executor") == {}
