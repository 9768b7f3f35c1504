"""The collector keeps no secrets, even if a sender puts them into a span."""

import time
from collections.abc import Mapping
from typing import Any

import pytest

from lab.collector.ingest import otlp
from lab.collector.ingest.redaction import REDACTED, redacted
from tests.otlp import request, span

JWT = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
TRACE = "ab" * 16


def kept(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of a span as the collector keeps them."""
    (only,) = otlp.read(request("roundtrip", span(TRACE, "GET", attributes=attributes))).spans
    return dict(only.attributes)


@pytest.mark.parametrize(
    "name",
    [
        "http.request.header.authorization",
        "http.request.header.cookie",
        "http.response.header.set-cookie",
        "password",
        "user.new_password",
        "access_token",
        "client_secret",
        "X-API-Key",
    ],
)
def test_the_value_of_an_attribute_with_a_secret_name_is_redacted(name: str) -> None:
    """The attribute's name is kept, so that the redaction is visible."""
    assert kept({name: "hunter22"}) == {name: REDACTED}


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"Bearer {JWT}", f"Bearer {REDACTED}"),
        ("basic dXNlcjpwYXNz", f"basic {REDACTED}"),
        (f"the token {JWT} has expired", f"the token {REDACTED} has expired"),
        (f"eyJ session_{JWT}", f"eyJ session_{REDACTED}"),
        ("redis://:hunter22@localhost/0", f"redis://:{REDACTED}@localhost/0"),
        ("/callback?code=abc&x=1&state=def", f"/callback?code={REDACTED}&x=1&state={REDACTED}"),
        ('{"name":"A","password":"a \\" b"}', f'{{"name":"A","password":{REDACTED}}}'),
    ],
    ids=["bearer", "basic", "jwt", "jwt within a word", "address", "query", "json"],
)
def test_text_that_looks_like_a_secret_is_redacted(text: str, left: str) -> None:
    """Text is redacted in an attribute's value, in a list, and in a span's name."""
    assert redacted(text) == left
    assert kept({"note": text, "notes": [text]}) == {"note": left, "notes": [left]}
    (only,) = otlp.read(request("roundtrip", span(TRACE, text))).spans
    assert only.name == left


@pytest.mark.parametrize(
    "text",
    [
        "INSERT INTO users (email, password_hash) VALUES (%(email)s, %(password_hash)s)",
        "SELECT token_hash FROM sessions WHERE token_hash = %(token_hash)s",
        "/api/auth/login",
        "/api/products?limit=1&cursor=2_O4XkSxLrgvRISURIRFGgXtAQAAAAAAAAAB",
    ],
)
def test_text_that_only_mentions_secrets_is_kept(text: str) -> None:
    """An SQL statement, for example, has placeholders instead of values."""
    assert redacted(text) == text


@pytest.mark.parametrize(
    "part",
    [
        "-eyJ",
        "bearer ",
        "basic\t",
        "://a:b",
        "?password",
        '"token" ',
        '"token":"\\',
        "eyJaaaa.",
        " ",
    ],
)
def test_the_time_of_redaction_is_proportional_to_the_length(part: str) -> None:
    """A text of 16 times the length takes about 16 times as long, not 256 times (quadratic)."""

    def seconds(characters: int) -> float:
        text = part * (characters // len(part))
        times = []
        for _ in range(3):
            began = time.process_time()
            redacted(text)
            times.append(time.process_time() - began)
        return min(times)

    assert seconds(16 * 16_384) < 80 * seconds(16_384)  # check 55


def test_texts_lists_and_the_number_of_attributes_are_limited() -> None:
    """These limits also limit the memory that a span needs."""
    attributes = {f"key{number}": "x" * 10_000 for number in range(100)}
    kept_attributes = kept(attributes)
    assert len(kept_attributes) == 64
    assert {len(str(value)) for value in kept_attributes.values()} == {4096}
    assert len(kept({"many": ["x"] * 1000})["many"]) == 32


def test_numbers_that_json_does_not_have_become_strings() -> None:
    """JSON has no infinity and no NaN. As strings, they can be in a document."""
    assert kept({"a": float("inf"), "b": float("nan"), "c": 0.5, "d": True}) == {
        "a": "inf",
        "b": "nan",
        "c": 0.5,
        "d": True,
    }
