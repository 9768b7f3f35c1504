"""The door: what every request passes, in pure ASGI.

`main.py` stacks it in the order in which a request meets it:

    response_headers   an id for the request; the headers that every response has
    routing            which path of the service this is, if any
    stages             what it goes through is recorded, if anybody looks
    access_log         one line and one measurement when it is over
    problems           whatever is raised below becomes a problem document
    host               the Host header is one that is served
    cors               pages of listed origins may read the response, if any are listed
    identity           whose token this is, or which cookie
    rate_limit         whether they may ask once more
    same_origin        with a cookie, no other site asks for changes
    replay             what was answered before, if it still holds
    deadline           there is an end to every request
    methods            HEAD, OPTIONS, 404, 405
    query              the route has these query parameters, and each is given once
    body_limit         no more of the body than the limit is read

What they have to say to one another stands in the request's `state`.
"""
