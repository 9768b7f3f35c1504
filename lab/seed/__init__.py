"""A shop to try the service with: products, users, and as many orders as you want."""
