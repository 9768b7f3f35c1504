"""How repositories use PostgreSQL: addresses, connections, the replica, statements and errors."""
