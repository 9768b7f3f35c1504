"""Identity providers (OpenID Connect): the requests to them, and what they answer."""
