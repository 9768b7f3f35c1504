"""The arguments of `lab trace`, and the request that they make."""

import re
from pathlib import Path

import click
import pytest

from lab.stack.config.environment import Choices
from lab.trace.client.failures import UsageError
from lab.trace.client.items import Items
from lab.trace.client.sending import RequestSpec
from lab.trace.client.target import RunningStack, parse_target
from lab.trace.command import trace
from lab.trace.options import Options


def test_fields_become_a_json_body() -> None:
    """`=` takes a string, and `:=` takes any JSON. The value begins after the first separator."""
    items = Items.parse(["name=Ahmed", "n:=1", "tags:=[true,null]", "note=a:b==c", "empty="])
    body = '{"name":"Ahmed","n":1,"tags":[true,null],"note":"a:b==c","empty":""}'
    assert items.body() == (body.encode(), "application/json")


def test_headers_parameters_and_escaped_separators_are_distinguished() -> None:
    """A backslash makes a separator part of the name."""
    items = Items.parse(["Accept:text/plain", "limit==10", "q==a=b", r"a\:b=c", r"a\=b=c"])
    assert items.headers == {"Accept": "text/plain"}
    assert items.query == [("limit", "10"), ("q", "a=b")]
    assert items.fields == {"a:b": "c", "a=b": "c"}


def test_a_file_is_sent_unchanged(tmp_path: Path) -> None:
    """The media type follows from the name of the file."""
    (tmp_path / "order.json").write_bytes(b"{ }\n")
    assert Items.parse([f"@{tmp_path}/order.json"]).body() == (b"{ }\n", "application/json")


@pytest.mark.parametrize(
    ("items", "message"),
    [
        (["word"], "not an item"),
        (["=value"], "not an item"),
        (["n:=one"], "n=…"),
        (["Bad Name:secret"], "not a valid header"),
        (["X:a\r\nY: secret"], "not a valid header"),
        (["a=b", "@file"], "either fields or the file"),
        (["@/nowhere/at/all"], "cannot be read"),
    ],
    ids=["word", "nameless", "json", "header-name", "header-value", "both", "no-file"],
)
def test_the_error_for_an_invalid_item_contains_no_secret(items: list[str], message: str) -> None:
    """The message says what is wrong with the item."""
    with pytest.raises(UsageError, match=message) as raised:
        Items.parse(items).body()
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("words", "method", "url", "items"),
    [
        (["/x"], None, "/x", []),
        (["post", "/x", "a=b"], "POST", "/x", ["a=b"]),
        (["/x", "a=b"], None, "/x", ["a=b"]),
        (["localhost"], None, "localhost", []),
        (["GET", "--ascii", "/x", "--repeat", "2", "a:b"], "GET", "/x", ["a:b"]),
    ],
    ids=["path", "method", "no-method", "host", "options-between"],
)
def test_the_method_may_be_left_out(
    words: list[str], method: str | None, url: str, items: list[str]
) -> None:
    """The first word is a method if it has only letters and an address follows it."""
    options = Options.of(trace.make_context("trace", words))
    assert (options.method, options.url, list(options.items)) == (method, url, items)


@pytest.mark.parametrize(
    "arguments",
    [[], ["--slo", "200", "/"], ["--repeat", "0", "/"], ["--timeout", "0s", "/"], ["--nonsense"]],
    ids=["nothing", "no-unit", "no-times", "no-time", "unknown"],
)
def test_an_invalid_option_exits_with_status_2(arguments: list[str]) -> None:
    """The exit status 2 means that the usage is wrong."""
    with pytest.raises(click.UsageError) as ended:
        trace.make_context("trace", arguments)
    assert ended.value.exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "equivalent"),
    [
        (["-X", "POST", "/api/users"], "lab trace DELETE /api/users/1"),
        (["/api/users", "-H", "Accept: text/plain"], "Accept:application/json"),
        (["/api/users", "--data", "{}"], "name=Ahmed"),
        (["/api/users", "-X"], "lab trace DELETE /api/users/1"),
    ],
    ids=["method", "header", "data", "without a value"],
)
def test_the_error_for_an_option_of_curl_shows_the_equivalent(
    arguments: list[str], equivalent: str
) -> None:
    """The equivalent is in HTTPie's notation."""
    with pytest.raises(click.UsageError, match=re.escape(equivalent)):
        trace.make_context("trace", arguments)


def test_json_and_print_exclude_each_other() -> None:
    """`--json` prints everything, so there is no part to choose."""
    with pytest.raises(click.UsageError, match="--json and --print"):
        Options.of(trace.make_context("trace", ["--json", "--print", "h", "/"]))


RUNNING_STACK = RunningStack(Choices(8080, 8443, None, None), Path(__file__))


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("/api/users", "https://localhost:8443/api/users"),
        (":8080/x", "http://localhost:8080/x"),
        ("example.com", "http://example.com/"),
        ("https://example.com:443/a b?q=ü", "https://example.com/a%20b?q=%C3%BC"),
        ("http://[::1]:8080/x#part", "http://[::1]:8080/x"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
    ],
    ids=["path", "port", "host", "escaped", "ipv6", "idna"],
)
def test_an_address_is_completed(text: str, url: str) -> None:
    """A missing origin or scheme is added, and special characters are encoded."""
    target = parse_target(text, stack=RUNNING_STACK)
    assert target.origin + target.request_target == url


def test_the_stacks_authority_is_trusted_only_for_the_stack() -> None:
    """For other servers, the system's certificate authorities are trusted."""
    assert parse_target("/x", stack=RUNNING_STACK).ca == RUNNING_STACK.ca_certificate
    assert parse_target("https://example.com/", stack=RUNNING_STACK).ca is None
    assert parse_target("https://localhost:9443/", stack=RUNNING_STACK).ca is None


@pytest.mark.parametrize(
    "text", ["ftp://x/", "http://", "http://x:99999/", "http://[::1/", "http://u:geheim@x/", "."]
)
def test_an_invalid_address_is_refused(text: str) -> None:
    """The error does not repeat a password."""
    with pytest.raises(UsageError) as raised:
        parse_target(text, stack=RUNNING_STACK)
    assert "geheim" not in str(raised.value)


def test_parameters_are_shown_without_their_values() -> None:
    """The value of a parameter may be a token."""
    target = parse_target("/x?code=geheim", [("state", "secret")], stack=RUNNING_STACK)
    assert target.request_target == "/x?code=geheim&state=secret"
    assert target.shown_path == "/x?code=…&state=…"


def test_a_given_header_replaces_the_default() -> None:
    """The case of a header's name does not matter. An empty value removes the header."""
    items = Items.parse(["x-request-id:mine", "User-Agent:", "X-Other:1"])
    _, request = RequestSpec.of(None, parse_target("/x", stack=RUNNING_STACK), items).new_request()
    names = [name for name, _ in request.headers]
    assert names == ["Host", "Accept", "traceparent", "tracestate", "x-request-id", "X-Other"]
