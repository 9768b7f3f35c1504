"""The lab's collector: receives spans by OTLP/HTTP, joins them into traces, and serves the traces.

Its process also runs the mailbox (lab/mail), and serves the pages of both.

    security       accepts only requests for the allowed hosts, and adds security headers
    intake         reads a request's body: its type, size and compression
    otlp           parses the body to spans (OpenTelemetry's protocol, protobuf)
    otlp_json      the same protocol in JSON, which browsers send
    redaction      removes secrets
    stages         determines the stage of a span without `roundtrip.stage`
    spans          a span in memory
    store          the last 1,000 traces, in bounded memory
    balancer       the status of responses that the load balancer generated
    tree           orders spans under their parents, and finds the largest untraced gap
    documents      a trace as JSON
    entries        a trace in the list of requests
    filters        the filter of the list, and where a page of it begins
    route_statistics  percentiles, rate and errors of each route
    request_list   the routes of the list and of the statistics
    announcements  sends each complete trace and each new message as a Server-Sent Event
    plans          PostgreSQL's plan of a statement in a span
    source         the source code of a stage's function
    logs           the service's log lines of a trace
    problem_codes  the problem to which the service turns an exception, with its texts
    errors         the error of all modules
    problems       errors as problem documents
    parameters     query parameters
    settings       the addresses, the key and the files that the stack passes
    web            the routes, the pages and their files

From the service's spans, the collector reads standard attributes, and three attributes of the
service's own: `roundtrip.stage`, `roundtrip.cache` and `roundtrip.request_id`.
"""
