"""The contract with clients: the shape and the limits of JSON in requests and responses."""
