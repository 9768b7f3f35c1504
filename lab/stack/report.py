"""The texts that describe a stack to its user."""

import json
import shlex

from lab.stack.servers.provider import NAME, PERSON
from lab.stack.stack import Stack

SIGNUP = {"name": "Ahmed", "email": "ahmed@example.com", "password": "correct horse battery"}


def ready_message(stack: Stack) -> str:
    """Return the message after a start: addresses, directory of the logs, and a first request."""
    http = f"http://localhost:{stack.choices.http_port}"
    https = f"https://localhost:{stack.choices.https_port}"
    ca_certificate = shlex.quote(str(stack.paths.ca_certificate))
    return f"""
The service runs.

  HTTP         {http}
  HTTPS        {https}   curl --cacert {ca_certificate} {https}/readyz
  docs         {http}/docs
  requests     {http}/lab
  mail         {_mail(stack, http)}
  sign in      {_sign_in(stack, https)}
  PostgreSQL   {_database(stack)}
  Valkey       {_redis(stack)}
  limits       {_limits(stack)}
  logs         {stack.paths.logs}

Sign up:

  curl -i -X POST {http}/api/users -H 'Content-Type: application/json' -d '{_compact(SIGNUP)}'
"""


def _sign_in(stack: Stack, origin: str) -> str:
    if stack.choices.oidc_issuer is not None:
        return "at your own provider, from OIDC_ISSUER"
    path = f"{origin}/api/auth/oidc/{NAME}/login"
    return f"{path}   in a browser, as {PERSON.user_name} with `{PERSON.password}`"


def _mail(stack: Stack, origin: str) -> str:
    own = stack.mail_settings["SMTP_URL"]
    if stack.service_environment["SMTP_URL"] != own:
        return "sent to your own server, from SMTP_URL"
    return f"{origin}/lab/mail   or in a terminal:  .venv/bin/lab mail"


def _database(stack: Stack) -> str:
    return "yours, from DATABASE_URL" if stack.choices.database_url else stack.postgres.url


def _redis(stack: Stack) -> str:
    return "yours, from REDIS_URL" if stack.choices.redis_url else stack.valkey.url


def _limits(stack: Stack) -> str:
    if stack.choices.limits_url is None:
        return stack.limits.url
    variable = "RATE_LIMIT_REDIS_URL" if stack.choices.rate_limit_redis_url else "REDIS_URL"
    return f"yours, from {variable}"


def _compact(fields: dict[str, str]) -> str:
    return json.dumps(fields, separators=(",", ":"))
