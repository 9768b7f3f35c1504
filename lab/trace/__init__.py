"""`lab trace`: sends one request, measures its stages, and adds the server's stages.

The modules, from the lowest layer up:

    client/               sends a request, and measures it
        failures              why there was no response
        measuring             the stages and their clock
        items, target         the arguments: what to send, and where
        connecting            DNS, TCP and TLS
        http_connection       the requests on a connection, by HTTP/1.1
        spans                 the stages as OpenTelemetry spans
        sending               sends a request, also several times on one connection

    senders               the number of processes that send spans of a request
    collector_client      sends the client's spans to a collector, and reads the joined trace
    jobs                  the spans of the worker in a trace

    output/               shows the results
        server_timing         the stages in the Server-Timing header
        document              the trace as JSON
        response_text         the response as text, with colours on a terminal
        waterfall             the trace as text, with `details` and `output_style`

    options               the command line
    command               `lab trace`
"""
