"""No secret is kept, even where whoever made a span should have known better."""

import time
from collections.abc import Mapping
from typing import Any

import pytest

from lab.collector import otlp
from lab.collector.redaction import REDACTED, redacted
from tests.otlp import request, span

JWT = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
TRACE = "ab" * 16


def kept(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is kept of a span's attributes."""
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
def test_what_a_name_calls_secret_is_not_kept(name: str) -> None:
    """The name stays, so that it is seen that there was something."""
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
def test_what_looks_like_a_secret_is_taken_out_of_a_text(text: str, left: str) -> None:
    """Wherever it stands: in a value, in a list, in a span's name."""
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
def test_what_only_speaks_of_secrets_is_kept(text: str) -> None:
    """A statement has placeholders where its values are."""
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
def test_the_time_of_redaction_grows_only_with_the_length(part: str) -> None:
    """16 times the text takes about 16 times as long; quadratic would be 256 times."""

    def seconds(characters: int) -> float:
        text = part * (characters // len(part))
        times = []
        for _ in range(3):
            began = time.process_time()
            redacted(text)
            times.append(time.process_time() - began)
        return min(times)

    assert seconds(16 * 16_384) < 80 * seconds(16_384)  # check 55


def test_texts_names_lists_and_their_number_are_cut() -> None:
    """A span is small, whatever it was."""
    attributes = {f"key{number}": "x" * 10_000 for number in range(100)}
    found = kept(attributes)
    assert len(found) == 64
    assert {len(str(value)) for value in found.values()} == {4096}
    assert len(kept({"many": ["x"] * 1000})["many"]) == 32


def test_numbers_that_json_does_not_know_become_words() -> None:
    """A trace can always be shown."""
    assert kept({"a": float("inf"), "b": float("nan"), "c": 0.5, "d": True}) == {
        "a": "inf",
        "b": "nan",
        "c": 0.5,
        "d": True,
    }
