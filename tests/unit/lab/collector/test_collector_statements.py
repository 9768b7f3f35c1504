"""Which SQL statements PostgreSQL may explain (EXPLAIN), and in which form it gets them."""

import pytest

from lab.collector.details.plans import explainable, numbered
from lab.collector.errors import Problem


@pytest.mark.parametrize(
    ("statement", "sent"),
    [
        ("SELECT %s, %s", "SELECT $1, $2"),
        ("SELECT %(a)s, %(b)s::INTEGER, %(a)s", "SELECT $1, $2::INTEGER, $1"),
        ("SELECT %b, %t, %(c)b", "SELECT $1, $2, $3"),
        ("SELECT 1 %% %s", "SELECT 1 % $1"),
        ("SELECT $1", "SELECT $1"),
    ],
    ids=["in order", "by name", "other formats", "percent signs", "already numbered"],
)
def test_placeholders_become_numbers(statement: str, sent: str) -> None:
    """Placeholders with the same name get the same number."""
    assert numbered(statement) == sent


@pytest.mark.parametrize("verb", ["SELECT", "insert", "Update", "DELETE"])
def test_statements_that_read_or_write_rows_can_be_explained(verb: str) -> None:
    """A semicolon at the end is removed."""
    assert explainable(f"  {verb}\n something; ") == f"{verb}\n something"


@pytest.mark.parametrize(
    "statement",
    [
        "",
        "DROP TABLE users",
        "SELECTED",
        "ANALYZE SELECT 1",
        "EXPLAIN ANALYZE DELETE FROM users",
        "WITH gone AS (DELETE FROM users RETURNING id) SELECT * FROM gone",
        "COPY users TO PROGRAM 'sh'",
    ],
)
def test_other_statements_are_refused(statement: str) -> None:
    """A statement that does not simply read or write rows is not sent to PostgreSQL."""
    with pytest.raises(Problem, match="Only SELECT, INSERT, UPDATE, DELETE"):
        explainable(statement)


@pytest.mark.parametrize("more", ["; DROP TABLE users", ";;", "; COMMIT; DROP TABLE users; --"])
def test_only_one_statement_is_explained(more: str) -> None:
    """EXPLAIN applies only to the first statement. PostgreSQL would execute the others."""
    with pytest.raises(Problem, match="Only a single statement"):
        explainable(f"SELECT 1{more}")
