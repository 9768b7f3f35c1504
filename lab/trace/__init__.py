"""One request, seen from its client: `lab trace`, and what else is known about it.

From the bottom up: `failures` (why there was no answer), `measuring` (stages and their clock),
`items` and `target` (what was typed), `line` (sockets, TLS and HTTP/1.1), `spans` (the stages as
OpenTelemetry has them), `senders` (whose spans there will be), `collector` (where they go, and
where the server's come from), `document` (all of it as JSON), `waterfall` and `paper` (the same for
a person), `command`.
"""
