"""JSON in, JSON out: Content-Type and Accept."""

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
def test_json_is_taken_in_any_spelling(client: httpx2.Client, content_type: str) -> None:
    """Media types have no case, and parameters change nothing."""
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
def test_anything_else_gets_415(client: httpx2.Client, content_types: tuple[str, ...]) -> None:
    """A form or a text that happens to hold JSON is what another site can send: refused."""
    problem(_sign_up(client, *content_types), 415, "unsupported-media-type")  # check 21


def test_415_holds_wherever_a_body_is_taken(client: httpx2.Client, somebody: Account) -> None:
    """Login, changes and passwords are no exception; a call without a body does not care."""
    headers = {**somebody.auth, "Content-Type": "text/plain"}
    for method, path in [
        ("POST", "/api/auth/login"),
        ("PATCH", somebody.url),
        ("PUT", f"{somebody.url}/password"),
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
def test_a_body_in_a_content_coding_gets_415_and_is_told_which_would_do(
    client: httpx2.Client, somebody: Account, codings: tuple[str, ...]
) -> None:
    """RFC 9110, sections 8.4 and 15.5.16: the body has to come as it is."""
    body = signup_body()
    for method, path in [
        ("POST", "/api/users"),
        ("PATCH", somebody.url),
        ("DELETE", somebody.url),
        ("POST", "/api/auth/logout"),
    ]:
        headers = [("Content-Encoding", coding) for coding in codings]
        headers += [*somebody.auth.items(), ("Content-Type", "application/json")]
        response = client.request(method, path, content=json.dumps(body), headers=headers)
        document = problem(response, 415, "unsupported-media-type")
        assert "Content-Encoding" in document["detail"]
        assert response.headers["Accept-Encoding"] == "identity"
    assert client.post("/api/users", json=body).status_code == 201


@pytest.mark.parametrize("coding", ["identity", "Identity", "", "identity, identity"])
def test_a_body_without_a_content_coding_is_read(client: httpx2.Client, coding: str) -> None:
    """`identity` stands for none."""
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
def test_json_is_sent_to_whoever_takes_it(
    client: httpx2.Client, somebody: Account, accept: str
) -> None:
    """curl, HTTPie, browsers and careful clients."""
    for path in ("/api/users/me", "/livez"):
        response = client.get(path, headers={**somebody.auth, "Accept": accept})
        assert response.status_code == 200
        assert response.headers["Content-Type"] == "application/json"


def test_without_accept_json_is_sent(service: Service) -> None:
    """No header means that anything will do."""
    answer = exchange(service, b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert raw_status(answer) == 200


@pytest.mark.parametrize(
    "accept",
    ["text/html", "application/xml", "application/json;q=0", "*/*;q=0", "application/*;q=0.0",
     "application/json;q=0, */*", "application/json;q=0.000, application/*", "image/*, text/*",
     "application/jsonx", "text/html, application/*;q=0, */*"],
)  # fmt: skip
def test_an_accept_that_excludes_json_gets_406(
    client: httpx2.Client, somebody: Account, accept: str
) -> None:
    """The most specific range decides; the problem says what would do, and nothing happens."""
    headers = {**somebody.auth, "Accept": accept}
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
def test_a_quality_that_is_none_gets_400(client: httpx2.Client, accept: str) -> None:
    """RFC 9110, section 12.4.2: 0 to 1 with three decimals at most."""
    problem(client.get("/livez", headers={"Accept": accept}), 400, "malformed-header")


def test_several_accept_headers_are_one_list(client: httpx2.Client) -> None:
    """RFC 9110, section 5.3."""
    headers = [("Accept", "text/html"), ("Accept", "application/json")]
    assert client.get("/livez", headers=headers).status_code == 200
