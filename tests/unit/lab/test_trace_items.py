"""What is typed on the command line of `lab trace`, and where it goes in the request."""

from pathlib import Path

import pytest

from lab.stack.environment import Choices
from lab.trace.failures import UsageError
from lab.trace.items import Items
from lab.trace.options import Options
from lab.trace.sending import Order
from lab.trace.target import Nearby, parse_target


def test_fields_become_a_json_body() -> None:
    """Strings after `=`, any JSON after `:=`; what follows the first separator is the value's."""
    items = Items.parse(["name=Ahmed", "n:=1", "tags:=[true,null]", "note=a:b==c", "empty="])
    body = '{"name":"Ahmed","n":1,"tags":[true,null],"note":"a:b==c","empty":""}'
    assert items.body() == (body.encode(), "application/json")


def test_headers_parameters_and_escaped_separators_are_told_apart() -> None:
    """A backslash makes a separator a letter of the name."""
    items = Items.parse(["Accept:text/plain", "limit==10", "q==a=b", r"a\:b=c", r"a\=b=c"])
    assert items.headers == {"Accept": "text/plain"}
    assert items.query == [("limit", "10"), ("q", "a=b")]
    assert items.fields == {"a:b": "c", "a=b": "c"}


def test_a_file_is_sent_as_it_is(tmp_path: Path) -> None:
    """Its media type is that of its name."""
    (tmp_path / "order.json").write_bytes(b"{ }\n")
    assert Items.parse([f"@{tmp_path}/order.json"]).body() == (b"{ }\n", "application/json")


@pytest.mark.parametrize(
    ("items", "said"),
    [
        (["word"], "no item"),
        (["=value"], "no item"),
        (["n:=one"], "n=…"),
        (["Bad Name:secret"], "no header"),
        (["X:a\r\nY: secret"], "no header"),
        (["a=b", "@file"], "either fields or the file"),
        (["@/nowhere/at/all"], "cannot be read"),
    ],
    ids=["word", "nameless", "json", "header-name", "header-value", "both", "no-file"],
)
def test_a_wrong_item_is_named_without_its_secrets(items: list[str], said: str) -> None:
    """The message says what to type instead."""
    with pytest.raises(UsageError, match=said) as raised:
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
    """Letters alone are a method only if an address follows."""
    options = Options.parse(words)
    assert (options.method, options.url, list(options.items)) == (method, url, items)


@pytest.mark.parametrize(
    "arguments",
    [[], ["--slo", "200", "/"], ["--repeat", "0", "/"], ["--timeout", "0s", "/"], ["--nonsense"]],
    ids=["nothing", "no-unit", "no-times", "no-time", "unknown"],
)
def test_a_wrong_option_ends_with_status_2(arguments: list[str]) -> None:
    """And with a line about how it is used."""
    with pytest.raises(SystemExit) as ended:
        Options.parse(arguments)
    assert ended.value.code == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-X", "POST", "/api/users"], "lab trace DELETE /api/users/1"),
        (["/api/users", "-H", "Accept: text/plain"], "Accept:application/json"),
        (["/api/users", "--data", "{}"], "name=Ahmed"),
        (["/api/users", "-X"], "lab trace DELETE /api/users/1"),
    ],
    ids=["method", "header", "data", "without a value"],
)
def test_an_option_of_curl_gets_an_error_that_says_how_to_write_it(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    """The notation is HTTPie's."""
    with pytest.raises(SystemExit) as ended:
        Options.parse(arguments)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


NEARBY = Nearby(Choices(8080, 8443, None, None), Path(__file__))


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
    """By the stack that runs, the scheme, the port; and brought into the form of the wire."""
    target = parse_target(text, nearby=NEARBY)
    assert target.origin + target.request_target == url


def test_only_the_stack_itself_is_trusted_by_its_authority() -> None:
    """Another server is one for the system's authorities to vouch for."""
    assert parse_target("/x", nearby=NEARBY).ca == NEARBY.ca_certificate
    assert parse_target("https://example.com/", nearby=NEARBY).ca is None
    assert parse_target("https://localhost:9443/", nearby=NEARBY).ca is None


@pytest.mark.parametrize(
    "text", ["ftp://x/", "http://", "http://x:99999/", "http://[::1/", "http://u:geheim@x/", "."]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    """With a sentence, in which no password is repeated."""
    with pytest.raises(UsageError) as raised:
        parse_target(text, nearby=NEARBY)
    assert "geheim" not in str(raised.value)


def test_parameters_are_shown_without_their_values() -> None:
    """One of them may be a token."""
    target = parse_target("/x?code=geheim", [("state", "secret")], nearby=NEARBY)
    assert target.request_target == "/x?code=geheim&state=secret"
    assert target.shown_path == "/x?code=…&state=…"


def test_a_header_that_was_typed_takes_the_place_of_ours() -> None:
    """Whatever its case; an empty one leaves it out."""
    items = Items.parse(["x-request-id:mine", "User-Agent:", "X-Other:1"])
    _, request = Order.of(None, parse_target("/x", nearby=NEARBY), items).new_request()
    names = [name for name, _ in request.headers]
    assert names == ["Host", "Accept", "traceparent", "tracestate", "x-request-id", "X-Other"]
