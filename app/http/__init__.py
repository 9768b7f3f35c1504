"""HTTP that all routes share: problems, negotiation, representations, pagination, OpenAPI."""
