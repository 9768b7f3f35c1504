"""The wire contract: the shape and the limits of JSON in requests and responses."""
