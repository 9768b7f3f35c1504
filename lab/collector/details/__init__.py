"""What the page loads only when the user asks for it: source code, query plans and log lines."""
