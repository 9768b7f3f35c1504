"""Requests and responses are JSON: Content-Type, Content-Encoding and Accept."""

import json

import httpx2
import pytest

from tests.accounts import Account, signup_body
from tests.integration.wire import exchange, problem, raw_status
from tests.service import Service


def _sign_up(client: httpx2.Client, *content_types: str) -> httpx2.Response:
    headers = [("Content-Type", content_type) for content_type in content_types]
    return client.post("/api/users", content=json.dumps(signup_body()), headers=headers)


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=utf-8", "application/json;charset=UTF-8",
     "Application/JSON", 'application/json ; charset="utf-8"'],
)  # fmt: skip
def test_any_spelling_of_the_json_media_type_is_accepted(
    client: httpx2.Client, content_type: str
) -> None:
    """Media types are case-insensitive, and parameters are ignored."""
    assert _sign_up(client, content_type).status_code == 201


@pytest.mark.parametrize(
    "content_types",
    [(), ("text/plain",), ("application/x-www-form-urlencoded",), ("multipart/form-data",),
     ("application/xml",), ("application/problem+json",), ("application/json-seq",),
     ("application/jsonx",), ("text/json",), ("json",), ("",), ("*/*",), (";",),
     ("application/json, text/plain",), ("application/json", "text/plain"),
     ("text/plain; a=application/json",)],
    ids=str,
)  # fmt: skip
def test_any_other_content_type_gets_415(
    client: httpx2.Client, content_types: tuple[str, ...]
) -> None:
    """A page of another site can send JSON as a form or as text, so both types are refused."""
    problem(_sign_up(client, *content_types), 415, "unsupported-media-type")  # check 21


def test_every_operation_with_a_body_checks_its_content_type(
    client: httpx2.Client, shared_user: Account
) -> None:
    """Requests without a body may have any Content-Type."""
    headers = {**shared_user.auth, "Content-Type": "text/plain"}
    for method, path in [
        ("POST", "/api/auth/login"),
        ("PATCH", shared_user.url),
        ("PUT", f"{shared_user.url}/password"),
    ]:
        response = client.request(method, path, content="{}", headers=headers)
        problem(response, 415, "unsupported-media-type")  # check 21
    assert client.get("/api/users/me", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "codings",
    [("gzip",), ("br",), ("zstd",), ("GZIP",), ("x-gzip",), ("deflate, gzip",), ("identity, gzip",),
     ("identity", "gzip"), ("nothing",)],
    ids=str,
)  # fmt: skip
def test_a_body_with_a_content_coding_gets_415_and_accept_encoding(
    client: httpx2.Client, shared_user: Account, codings: tuple[str, ...]
) -> None:
    """RFC 9110, sections 8.4 and 15.5.16: the service reads only unencoded bodies."""
    body = signup_body()
    for method, path in [
        ("POST", "/api/users"),
        ("PATCH", shared_user.url),
        ("DELETE", shared_user.url),
        ("POST", "/api/auth/logout"),
    ]:
        headers = [("Content-Encoding", coding) for coding in codings]
        headers += [*shared_user.auth.items(), ("Content-Type", "application/json")]
        response = client.request(method, path, content=json.dumps(body), headers=headers)
        document = problem(response, 415, "unsupported-media-type")
        assert "Content-Encoding" in document["detail"]
        assert response.headers["Accept-Encoding"] == "identity"
    assert client.post("/api/users", json=body).status_code == 201


@pytest.mark.parametrize("coding", ["identity", "Identity", "", "identity, identity"])
def test_a_body_with_the_identity_coding_is_accepted(client: httpx2.Client, coding: str) -> None:
    """`identity` means no coding."""
    headers = {"Content-Encoding": coding}
    response = client.post("/api/users", json=signup_body(), headers=headers)
    assert response.status_code == 201
    assert "Accept-Encoding" not in response.headers


@pytest.mark.parametrize(
    "accept",
    ["*/*", "application/*", "application/json", "application/json;q=0.1", "APPLICATION/JSON",
     "application/json; charset=utf-8", "application/problem+json", "text/html, */*;q=0.1",
     "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
     "*/*;q=0, application/json", "", "text/html;q=0, application/json;q=0.001"],
)  # fmt: skip
def test_json_is_sent_when_accept_allows_it(
    client: httpx2.Client, shared_user: Account, accept: str
) -> None:
    """These are the values of curl, HTTPie and browsers, and some values with qualities."""
    for path in ("/api/users/me", "/livez"):
        response = client.get(path, headers={**shared_user.auth, "Accept": accept})
        assert response.status_code == 200
        assert response.headers["Content-Type"] == "application/json"


def test_json_is_sent_without_an_accept_header(service: Service) -> None:
    """Without the header, every media type is acceptable."""
    response = exchange(service, b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert raw_status(response) == 200


@pytest.mark.parametrize(
    "accept",
    ["text/html", "application/xml", "application/json;q=0", "*/*;q=0", "application/*;q=0.0",
     "application/json;q=0, */*", "application/json;q=0.000, application/*", "image/*, text/*",
     "application/jsonx", "text/html, application/*;q=0, */*"],
)  # fmt: skip
def test_an_accept_that_excludes_json_gets_406(
    client: httpx2.Client, shared_user: Account, accept: str
) -> None:
    """The most specific media range decides. A refused request has no effect."""
    headers = {**shared_user.auth, "Accept": accept}
    problem(client.get("/api/users/me", headers=headers), 406, "not-acceptable")
    problem(client.get("/livez", headers=headers), 406, "not-acceptable")
    body = signup_body()
    refused = client.post("/api/users", json=body, headers={"Accept": accept})
    problem(refused, 406, "not-acceptable")
    assert client.post("/api/users", json=body).status_code == 201


@pytest.mark.parametrize(
    "accept",
    ["application/json;q=x", "application/json;q=", "*/*;q=2.", "*/*;q=nan", "*/*;q=-1",
     "*/*;q=inf", "*/*;q=1e3"],
)  # fmt: skip
def test_an_invalid_quality_gets_400(client: httpx2.Client, accept: str) -> None:
    """RFC 9110, section 12.4.2: a quality is between 0 and 1, with at most three decimals."""
    problem(client.get("/livez", headers={"Accept": accept}), 400, "malformed-header")


def test_several_accept_headers_are_one_list(client: httpx2.Client) -> None:
    """RFC 9110, section 5.3: two Accept lines mean the same as one line with both values."""
    headers = [("Accept", "text/html"), ("Accept", "application/json")]
    assert client.get("/livez", headers=headers).status_code == 200
