"""The lab's collector: receives spans by OTLP/HTTP, joins them into traces, and serves the traces.

Its process also runs the mailbox (lab/mail), and serves the web pages (lab/page).

    web            the routes, the pages and their files
    security       accepts only requests for the allowed hosts, and adds security headers
    settings       the addresses, the key and the files that the stack passes
    parameters     query parameters
    errors         the exception `Problem`, which every module raises for an error
    problems       errors as problem documents

    ingest/        receives spans
        intake         reads a request's body, and checks its type, size and compression
        otlp           parses the body into spans (OpenTelemetry's protocol, protobuf)
        otlp_json      the same protocol in JSON, which browsers send
        redaction      removes secrets
        stages         determines the stage of a span without `roundtrip.stage`
        spans          a span in memory

    traces/        keeps and shows traces
        store          the last 1,000 traces, in bounded memory
        tree           orders spans under their parents, and finds the largest untraced gap
        documents      a trace as JSON
        entries        a trace in the list of requests
        filters        the filter of the list, and the cursors of its pages
        route_statistics  percentiles, rate and errors of each route
        request_list   the endpoints of the list and of the statistics
        problem_codes  the code and the text of the service's problem for an exception
        announcements  sends each complete trace and each new message as a Server-Sent Event

    details/       what the page loads when the user asks for it
        plans          PostgreSQL's plan of a statement in a span
        source         the source code of a stage's function
        logs           the service's log lines of a trace

From the service's spans, the collector reads standard attributes, and three attributes that the
service defines: `roundtrip.stage`, `roundtrip.cache` and `roundtrip.request_id`.
"""
