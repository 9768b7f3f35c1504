"""A client of the app. The tests run this file with the Python of the worker's container.

The arguments are the name and the port of a server, the method, the path and the body. While the
status is 200, the client sends the request again, on a new connection, for at most 60 s. It prints
a line for each request: the status of the response, or the name of the error.
"""

import http.client
import socket
import sys
import time

DURATION_SECONDS = 60.0
TIMEOUT_SECONDS = 20.0
PAUSE_SECONDS = 0.05


def send(host: str, port: str, method: str, path: str, body: str) -> str:
    """Send a request. Return its status, or the name of the error."""
    connection = http.client.HTTPConnection(host, int(port), timeout=TIMEOUT_SECONDS)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        response.read()
        return str(response.status)
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__
    finally:
        connection.close()


def main() -> None:
    """Send requests, and print the outcomes."""
    server, *request = sys.argv[1:]
    # Look the name up only once, because it has no address after the pod has ended.
    host = socket.gethostbyname(server)
    end = time.monotonic() + DURATION_SECONDS
    outcome = "200"
    while outcome == "200" and time.monotonic() < end:
        outcome = send(host, *request)
        print(outcome)
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main()
