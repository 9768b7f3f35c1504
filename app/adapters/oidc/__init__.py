"""Identity providers (OpenID Connect): requests to them, and checks of their responses."""
