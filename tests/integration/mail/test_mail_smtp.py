"""The SMTP client, against a real SMTP server in the process of the test."""

import asyncio
import functools
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from itertools import product
from pathlib import Path
from typing import Any, ParamSpec

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from app.adapters.mail.errors import MailError, MailRefused, MailUnavailable
from app.adapters.mail.messages import compose
from app.adapters.mail.smtp import SmtpClient
from app.models import Message, MessageKind
from app.settings.mail import SmtpServer, Tls
from app.tracing import Recording, record

_HOST = "127.0.0.1"
_USER, _PASSWORD = "shop", "canary/é password"
_AHMED = "ahmed@example.com"
_SECONDS = 2.0
_P = ParamSpec("_P")


@dataclass
class MailServer:
    """A server that accepts every message, unless a test replaces one of its replies."""

    port: int = 0
    replies: dict[str, str] = field(default_factory=dict)
    """Replies by command: MAIL, RCPT or DATA."""
    pauses: dict[str, float] = field(default_factory=dict)
    """Seconds before the reply to a command."""
    messages: list[bytes] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    sessions: list[SMTP] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    credentials: list[object] = field(default_factory=list)

    @property
    def has_received(self) -> bool:
        """Whether a client has sent a password or a part of a message."""
        return bool(self.commands or self.credentials)

    async def handle_EHLO(  # noqa: N802 - the library's name
        self, _: SMTP, session: Session, __: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Offer every extension."""
        session.host_name = hostname
        await asyncio.sleep(self.pauses.get("EHLO", 0))
        return responses

    async def handle_MAIL(  # noqa: N802 - the library's name
        self, _: SMTP, __: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Keep the sender."""
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return await self._reply("MAIL")

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]
    ) -> str:
        """Keep the recipient."""
        envelope.rcpt_tos.append(address)
        return await self._reply("RCPT")

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep the message if the reply begins with 250."""
        reply = await self._reply("DATA")
        if reply.startswith("250"):
            assert isinstance(envelope.content, bytes)
            self.messages.append(envelope.content)
            self.recipients += envelope.rcpt_tos
        return reply

    def authenticate(
        self, _: SMTP, __: Session, ___: Envelope, ____: str, credentials: Any
    ) -> AuthResult:
        """Accept one user."""
        assert isinstance(credentials, LoginPassword)
        self.credentials.append(credentials.login)
        is_known = credentials == LoginPassword(_USER.encode(), _PASSWORD.encode())
        return AuthResult(success=is_known, handled=False)

    async def _reply(self, command: str) -> str:
        self.commands.append(command)
        await asyncio.sleep(self.pauses.get(command, 0))
        return self.replies.get(command, "250 OK")


def _context(path: Path, host: str = _HOST) -> ssl.SSLContext:
    """Write a self-signed certificate, and return the TLS context of a server that has it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """The TLS context of a server whose certificate the client trusts."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "mail.pem"))
    return _context(tmp_path / "mail.pem")


@asynccontextmanager
async def _running(
    server: MailServer, implicit: ssl.SSLContext | None = None, **options: Any
) -> AsyncIterator[MailServer]:
    loop = asyncio.get_running_loop()

    def session() -> SMTP:
        smtp = SMTP(
            server,
            hostname="localhost",
            loop=loop,
            authenticator=server.authenticate,
            **{"enable_SMTPUTF8": True, **options},
        )
        server.sessions.append(smtp)
        return smtp

    listener = await loop.create_server(session, _HOST, 0, ssl=implicit)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for smtp in server.sessions:
            _abort(smtp)
        await asyncio.sleep(0.05)


def _abort(smtp: SMTP) -> None:
    if isinstance(smtp.transport, asyncio.Transport):
        smtp.transport.abort()


@asynccontextmanager
async def _client(
    port: int, tls: Tls = "off", password: str | None = None, seconds: float = _SECONDS
) -> AsyncIterator[SmtpClient]:
    secret = None if password is None else SecretStr(password)
    user = None if password is None else _USER
    client = SmtpClient(SmtpServer(_HOST, port, tls, user, secret), seconds)
    try:
        yield client
    finally:
        await client.close()


async def _send(client: SmtpClient, to: str = _AHMED, message_id: int = 1) -> None:
    created_at = datetime.fromtimestamp(0, UTC)
    message = Message(message_id, 1, MessageKind.PASSWORD_CHANGED, to, None, created_at, None)
    sender = "Shop <shop@example.com>"
    await client.send(
        compose(message, name="Ahmed", link=None, sender=sender, now=datetime.now(UTC))
    )


async def _error(client: SmtpClient, to: str = _AHMED) -> MailError:
    """Return the error of a failed message. Assert that its reason is short and has no secrets."""
    with pytest.raises(MailError) as failure:
        await _send(client, to)
    error = failure.value
    assert error.reason == str(error)
    assert 0 < len(error.reason) <= 200
    assert error.reason.isprintable()
    assert "canary" not in error.reason
    assert "@" not in error.reason
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
    return error


def _in_event_loop(test: Callable[_P, Awaitable[None]]) -> Callable[_P, None]:
    """Run a test in an event loop, for at most 30 seconds."""

    @functools.wraps(test)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> None:
        asyncio.run(asyncio.wait_for(test(*args, **kwargs), 30))

    return run


@_in_event_loop
async def test_a_message_is_delivered_to_a_server_without_encryption() -> None:
    """The server gets the addresses and the whole message."""
    async with _running(MailServer()) as server, _client(server.port) as client:
        await _send(client)
    (message,) = server.messages
    assert server.recipients == [_AHMED]
    assert b"\r\nMessage-ID: <1.0@example.com>\r\n" in b"\r\n" + message
    assert b"\r\nTo: ahmed@example.com\r\n" in message
    assert b"Content-Type: text/html" in message


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@_in_event_loop
async def test_a_message_is_delivered_over_tls_with_a_password(
    context: ssl.SSLContext, tls: Tls
) -> None:
    """The client verifies the certificate, and signs in before it sends the message."""
    started = (
        _running(MailServer(), implicit=context, auth_require_tls=False)
        if tls == "implicit"
        else _running(MailServer(), tls_context=context, require_starttls=True, auth_required=True)
    )
    async with started as server, _client(server.port, tls, _PASSWORD) as client:
        await _send(client)
        await _send(client)
    assert len(server.messages) == 2
    assert server.credentials == [_USER.encode()]


@_in_event_loop
async def test_messages_share_one_connection() -> None:
    """Concurrent messages wait for one another."""
    async with _running(MailServer()) as server, _client(server.port) as client:
        await asyncio.gather(*(_send(client, message_id=n) for n in range(10)))
    assert len(server.messages) == 10
    assert len(server.sessions) == 1


@pytest.mark.parametrize("is_noticed", [True, False])
@_in_event_loop
async def test_a_closed_connection_is_replaced(*, is_noticed: bool) -> None:
    """A server closes idle connections. The client opens a new one for the next message."""
    async with _running(MailServer()) as server, _client(server.port) as client:
        await _send(client)
        _abort(server.sessions[0])
        if is_noticed:
            await asyncio.sleep(0.05)
        await _send(client)
    assert len(server.messages) == len(server.sessions) == 2


@pytest.mark.parametrize("command", ["RCPT", "DATA"])
@_in_event_loop
async def test_a_permanent_reply_refuses_the_message(command: str) -> None:
    """The error's reason is the server's reply. The next message uses the same connection."""
    async with _running(MailServer()) as server, _client(server.port) as client:
        server.replies[command] = "550 5.1.1 user unknown"
        error = await _error(client)
        assert isinstance(error, MailRefused)
        assert error.reason == "550 5.1.1 user unknown"
        del server.replies[command]
        await _send(client)
    assert len(server.messages) == len(server.sessions) == 1


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        *product(
            ("MAIL", "RCPT", "DATA"), ("450 4.2.1 try again later", "530 5.7.0 sign in first")
        ),
        ("MAIL", "550 5.7.1 sender not allowed"),
    ],
)
@_in_event_loop
async def test_another_negative_reply_delays_the_message(command: str, reply: str) -> None:
    """A later attempt may succeed: the server recovers, or an operator corrects the settings.

    A refused sender is also an error in the settings: the sender is the setting MAIL_FROM.
    """
    async with _running(MailServer()) as server, _client(server.port) as client:
        server.replies[command] = reply
        error = await _error(client)
        assert isinstance(error, MailUnavailable)
        assert error.reason == reply


@_in_event_loop
async def test_a_reason_is_short_and_has_no_address_and_no_link() -> None:
    """The reply of a server can contain the recipient, or a link with its token."""
    async with _running(MailServer()) as server, _client(server.port) as client:
        server.replies["RCPT"] = (
            f"550-5.7.1 <{_AHMED}>: blocked\r\n550 5.7.1 \x1b[31mhttps://a.test/#canary "
            + "x " * 150
        )
        error = await _error(client)
    assert error.reason.startswith("550 5.7.1 [removed] blocked 5.7.1 [removed] x x x")


@_in_event_loop
async def test_without_a_server_the_message_is_delayed() -> None:
    """No process listens on the port."""
    async with _running(MailServer()) as server:
        pass
    async with _client(server.port) as client:
        assert isinstance(await _error(client), MailUnavailable)


@_in_event_loop
async def test_a_silent_server_does_not_hold_a_message() -> None:
    """Each command has a timeout. A client that has timed out can be closed quickly, too."""

    async def ignore(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)

    writers: list[asyncio.StreamWriter] = []
    loop = asyncio.get_running_loop()
    listener = await asyncio.start_server(ignore, _HOST, 0)
    async with listener, _client(listener.sockets[0].getsockname()[1], seconds=0.3) as client:
        started = loop.time()
        assert isinstance(await _error(client), MailUnavailable)
        assert loop.time() - started < 1
        writers[0].close()
        await asyncio.sleep(0.05)


@_in_event_loop
async def test_a_slow_server_holds_a_message_for_three_timeouts_at_most() -> None:
    """Each command is answered in time, but the whole message takes too long."""
    server = MailServer(pauses=dict.fromkeys(("EHLO", "MAIL", "RCPT", "DATA"), 0.5))
    loop = asyncio.get_running_loop()
    async with _running(server), _client(server.port, seconds=0.6) as client:
        started = loop.time()
        error = await _error(client)
        assert loop.time() - started < 2.3
    assert isinstance(error, MailUnavailable)
    assert error.reason == "the message was not sent within 1.8 seconds"


@pytest.mark.usefixtures("context")
@pytest.mark.parametrize("password", [None, _PASSWORD])
@_in_event_loop
async def test_without_starttls_nothing_is_sent_in_clear(password: str | None) -> None:
    """An attacker can remove the offer of STARTTLS, so without the offer no message is sent."""
    async with (
        _running(MailServer(), auth_require_tls=False) as server,
        _client(server.port, "starttls", password) as client,
    ):
        assert isinstance(await _error(client), MailUnavailable)
    assert not server.has_received


@pytest.mark.usefixtures("context")
@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize("named_host", [_HOST, "192.0.2.1"])
@_in_event_loop
async def test_a_certificate_must_be_trusted_and_for_the_host(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tls: Tls, named_host: str
) -> None:
    """No password is sent if the certificate is not trusted, or names another host."""
    other = _context(tmp_path / "other.pem", named_host)
    if named_host != _HOST:
        # The client trusts this certificate, but the certificate names another host.
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "other.pem"))
    started = (
        _running(MailServer(), implicit=other, auth_require_tls=False)
        if tls == "implicit"
        else _running(MailServer(), tls_context=other)
    )
    async with started as server, _client(server.port, tls, _PASSWORD) as client:
        error = await _error(client)
        assert isinstance(error, MailUnavailable)
        assert "certificate" in error.reason.lower()
    assert not server.has_received


@_in_event_loop
async def test_a_refused_password_delays_the_message(context: ssl.SSLContext) -> None:
    """An operator can correct the settings. The next message signs in again."""
    async with (
        _running(MailServer(), tls_context=context) as server,
        _client(server.port, "starttls", "canary-wrong") as client,
    ):
        for _ in range(2):
            error = await _error(client)
            assert isinstance(error, MailUnavailable)
            assert error.reason == "535 5.7.8 the server refused the credentials"
    assert not server.commands
    assert len(server.sessions) == 2


@_in_event_loop
async def test_an_international_address_needs_a_server_that_supports_it() -> None:
    """The message is refused and not delayed, because a later attempt would fail, too."""
    async with (
        _running(MailServer(), enable_SMTPUTF8=False) as server,
        _client(server.port) as client,
    ):
        error = await _error(client, "zoë@example.com")
        assert isinstance(error, MailRefused)
        assert "SMTPUTF8" in error.reason
        await _send(client, "ahmed@bücher.example")
    assert server.recipients == ["ahmed@xn--bcher-kva.example"]
    assert len(server.sessions) == 1


@_in_event_loop
async def test_an_international_address_is_sent_as_it_is() -> None:
    """With SMTPUTF8, the header and the envelope have the same address."""
    async with _running(MailServer()) as server, _client(server.port) as client:
        await _send(client, "zoë@example.com")
    assert server.recipients == ["zoë@example.com"]
    assert "To: zoë@example.com".encode() in server.messages[0]


@_in_event_loop
async def test_a_cancelled_message_does_not_disturb_the_next() -> None:
    """The client opens a new connection, because a reply may still arrive on the old connection."""
    async with _running(MailServer()) as server, _client(server.port) as client:
        server.pauses["RCPT"] = 0.3
        task = asyncio.create_task(_send(client))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        server.pauses.clear()
        await _send(client)
    assert len(server.messages) == 1
    assert len(server.sessions) == 2


@_in_event_loop
async def test_closing_never_raises() -> None:
    """`close` works before the first message, after the server has disconnected, and twice."""
    async with _running(MailServer()) as server:
        async with _client(server.port) as client:
            await client.close()
            await _send(client)
            _abort(server.sessions[0])
            await client.close()
        await client.close()


@_in_event_loop
async def test_the_steps_of_a_message_are_stages() -> None:
    """A first message has three: connect, EHLO, send. A second has RSET and send."""
    async with _running(MailServer()) as server, _client(server.port) as client:
        counts = []
        for _ in range(2):
            recording = Recording(spans=False)
            record(recording)
            await _send(client)
            counts.append(len(recording.durations["smtp"]))
    assert counts == [3, 2]
