"""Fills the service with an example shop: products, users, and a chosen number of orders."""
