"""The texts that describe a stack to its user, without passwords."""

import os
import shlex

from lab.stack.servers.provider import NAME, PERSON
from lab.stack.stack import Stack


def welcome(stack: Stack) -> str:
    """Return addresses to open in a browser, and a first request.

    The caller opens the ports before it prints this text. So a request that comes before the stack
    is ready waits, and is not refused.
    """
    http = f"http://localhost:{stack.choices.http_port}"
    mail = "sent to the server in SMTP_URL"
    if not os.environ.get("SMTP_URL"):
        mail = f"{http}/lab/mail"
    return f"""\
Open in a browser, in a few seconds:

  requests  {http}/lab
  mail      {mail}
  docs      {http}/docs

Sign up:

  curl -i -X POST {http}/api/users \\
    -H 'Content-Type: application/json' \\
    -d '{{"name":"Ahmed","email":"ahmed@example.com",
         "password":"correct horse battery"}}'
"""


def details(stack: Stack, *, stop: str) -> str:
    """Return what a user may need next. `stop` says how to stop the stack."""
    https = f"https://localhost:{stack.choices.https_port}"
    ca_certificate = shlex.quote(str(stack.paths.ca_certificate))
    sign_in = f"{https}/api/auth/oidc/{NAME}/login   as {PERSON.user_name}"
    if not stack.providers:
        sign_in = "at the provider in OIDC_ISSUER"
    return f"""
The service runs. {stop}

  HTTPS      curl --cacert {ca_certificate} {https}/readyz
  sign in    {sign_in}
  parts      make status
  passwords  make status ARGS=--secrets
  logs       {stack.paths.logs}
"""
