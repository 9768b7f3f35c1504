"""Source code, query plans and log lines, which the page loads when the user asks for them."""
