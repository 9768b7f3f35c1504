"""The results as text and as JSON."""
