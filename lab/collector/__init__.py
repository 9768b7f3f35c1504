"""The lab's collector: takes spans by OTLP/HTTP, joins them into traces, and serves what it has.

    intake         a body becomes bytes: its type, its size, its compression
    otlp           bytes become spans (OpenTelemetry's protocol, protobuf)
    redaction      no secret is kept, whoever sent it
    stages         which stage a span is, where it does not say so itself
    store          the last 1,000 traces, in bounded memory
    skew           the clock of a client on another machine
    balancer       what the load balancer has answered itself
    tree           who is whose parent, and where nothing has a name
    documents      a trace as JSON
    announcements  each complete trace, as a Server-Sent Event
    plans          how PostgreSQL would run a statement that was seen
    source         the lines of the service that did it
    web            what is served where

It knows nothing of the service but the standard attributes of its spans, and `roundtrip.stage`.
"""
