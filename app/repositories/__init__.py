"""The tables and their statements. No other package of the service contains SQL."""
