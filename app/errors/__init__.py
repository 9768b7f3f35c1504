"""Everything that can go wrong, as exceptions. `http/problems.py` maps them to HTTP statuses.

`kinds.py` has the kinds that the mapping knows, `http.py` the errors of the HTTP request itself,
`domain.py` the errors of accounts, products and orders.
"""

from app.errors.domain import *
from app.errors.http import *
from app.errors.kinds import *
