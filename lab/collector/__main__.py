"""The collector as a process of the stack: `python -m lab.collector PORT SMTP_PORT MAIL_DIRECTORY`.

PORT is for HTTP. Messages that arrive at SMTP_PORT are kept in MAIL_DIRECTORY. The other settings
come from environment variables.
"""

import os
import sys
from pathlib import Path

import uvicorn

from lab.collector.settings import Settings
from lab.collector.web import create_app
from lab.mail.mailbox import Mailbox
from lab.stack.config.ports import LOOPBACK


def main() -> None:
    """Serve until a signal ends the process."""
    port, smtp_port, mail_directory = sys.argv[1:]
    log = os.environ.get("SERVICE_LOG")
    settings = Settings(
        database_url=os.environ["DATABASE_URL"],
        service_key=os.environ["COLLECTOR_SERVICE_KEY"],
        allowed_hosts=tuple(os.environ["ALLOWED_HOSTS"].split(",")),
        smtp_port=int(smtp_port),
        service_log=Path(log) if log else None,
    )
    app = create_app(settings, Mailbox(Path(mail_directory)))
    uvicorn.run(
        app,
        host=LOOPBACK,
        port=int(port),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
        server_header=False,
        # By default, uvicorn closes a connection that is idle for 5 seconds. The load balancer and
        # the exporters would then have to connect again more often.
        timeout_keep_alive=75,
        # This limit is for a SIGTERM from outside the stack: an open event stream must not delay
        # the end of the process. The stack itself sends SIGKILL.
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main()
