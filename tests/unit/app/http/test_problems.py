"""The texts of the problems, and the examples on their pages."""

import pytest

from app.errors import AppError
from app.http.problems import ProblemRenderer, errors_by_code, status_of

_ERRORS = sorted(errors_by_code().values(), key=lambda error: error.code)


@pytest.mark.parametrize("error", _ERRORS, ids=lambda error: error.code)
def test_each_problem_has_texts_of_its_own(error: type[AppError]) -> None:
    """The problem's page says what happened, why, and what to do, in whole sentences.

    Each class with a code defines all three texts, because the texts of its base class are about
    another problem.
    """
    for name in ("happened", "why", "action"):
        text = vars(error).get(name, "")
        assert text.endswith("."), f"add {name!r} to {error.__name__}"
        assert text[0].isupper()


@pytest.mark.parametrize("error", _ERRORS, ids=lambda error: error.code)
def test_each_problem_has_an_example(error: type[AppError]) -> None:
    """An error whose constructor needs arguments overrides `example`."""
    response = ProblemRenderer(root_path="").response("request-id", error.example())
    assert response.status_code == status_of(error)


def test_no_two_problems_happen_for_the_same_reason() -> None:
    """The reason tells similar problems apart."""
    reasons = [error.why for error in _ERRORS]
    assert len(set(reasons)) == len(reasons)
