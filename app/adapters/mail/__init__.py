"""Mail: what a message says and how it is sent to an SMTP server."""
