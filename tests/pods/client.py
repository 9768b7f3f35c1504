"""A client in a pod of its own. The tests run this file with the Python of the worker's container.

The arguments are the name and the port of a server, the method, the path and the body. With the
method GET, the client sends a request on a new connection again and again, until one fails.

For each request, it prints a line of JSON: when the request began and ended, in seconds since 1970,
and the status of the response, or the name of the error.
"""

import http.client
import json
import socket
import sys
import time

TIMEOUT_SECONDS = 20.0
PAUSE_SECONDS = 0.05


def send(host: str, port: int, method: str, path: str, body: str) -> int | str:
    """Send a request. Return its status, or the name of the error."""
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__
    finally:
        connection.close()


def main() -> None:
    """Send one request, or many."""
    server, port, method, path, body = sys.argv[1:]
    # The name has no address any more when the pod has ended.
    host = socket.gethostbyname(server)
    while True:
        began = time.time()
        outcome = send(host, int(port), method, path, body)
        print(json.dumps([began, time.time(), outcome]), flush=True)
        if method != "GET" or isinstance(outcome, str):
            return
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main()
