"""The tables and their statements: the only place with SQL."""
