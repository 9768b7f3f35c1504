"""The collector as a process of the stack: `python -m lab.collector PORT SMTP_PORT MAIL_DIRECTORY`.

PORT is for HTTP. Messages that arrive at SMTP_PORT are kept in MAIL_DIRECTORY.

`DATABASE_URL` is the database that makes the query plans. `ALLOWED_HOSTS` lists the accepted host
names. `COLLECTOR_SERVICE_KEY` is the key of the service's processes: the collector makes plans only
for statements of spans that were sent with this key.
"""

import os
import sys
from pathlib import Path

import uvicorn

from lab.collector.web import create_app
from lab.mail.mailbox import Mailbox
from lab.stack.ports import LOOPBACK


def main() -> None:
    """Serve until a signal ends the process."""
    port, smtp_port, mail_directory = sys.argv[1:]
    app = create_app(
        os.environ["DATABASE_URL"],
        os.environ["COLLECTOR_SERVICE_KEY"],
        os.environ["ALLOWED_HOSTS"].split(","),
        Mailbox(Path(mail_directory)),
        int(smtp_port),
    )
    uvicorn.run(
        app,
        host=LOOPBACK,
        port=int(port),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
        server_header=False,
        # An idle connection stays open for longer than the load balancer and the exporters keep it.
        timeout_keep_alive=75,
        # When the process stops, the event streams have already ended. So no client needs longer.
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main()
