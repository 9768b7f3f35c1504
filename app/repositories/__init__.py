"""The tables and their statements. No other package contains SQL."""
