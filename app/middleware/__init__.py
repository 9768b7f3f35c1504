"""The middleware that every request passes, in pure ASGI.

`main.py` mounts the middleware. A request passes it in this order:

    root_path                  removes ROOT_PATH from the path, if it is set
    response_headers           gives the request an id, and adds headers to every response
    routing                    finds the path template
    observability/stages       records the stages, if tracing or Server-Timing is on
    observability/access_log   logs and measures the request when it ends
    problems                   turns exceptions into problem documents
    checks/host                refuses requests for other hosts
    cors                       lets pages of the listed origins read responses, if any are listed
    credentials                reads the access token or the session cookie
    rate_limit                 counts the request, and refuses it if a limit is used up
    checks/same_origin         refuses changes that another site may have forged
    response_cache             sends a stored response again if it is current
    deadline                   cancels a request that takes too long
    checks/methods             refuses unknown paths and methods, and handles OPTIONS and HEAD
    checks/query               refuses unknown and repeated query parameters
    checks/body_limit          refuses bodies that are too long or compressed

The middleware and the routes share data in the `RequestState` (`http/request_state.py`).
"""
