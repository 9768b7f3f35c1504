"""How the repositories use PostgreSQL: addresses, connections, statements and their errors."""
