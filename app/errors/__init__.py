"""Exceptions for the errors that clients get. `http/problems.py` maps them to HTTP statuses.

`base.py` has the general kinds of errors, `http.py` the errors of the HTTP request itself,
`graphql.py` the errors of a GraphQL request, and `domain.py` the errors of accounts, sign-in,
products and orders.
"""

from app.errors.base import *
from app.errors.domain import *
from app.errors.graphql import *
from app.errors.http import *
