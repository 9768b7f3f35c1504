"""The wire contract: the shape and the limits of the JSON that comes in and goes out."""
