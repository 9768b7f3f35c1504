"""The users, products and orders of the REST API as a graph (GraphQL), over the same services.

`schema.graphql` is the contract. `router.py` answers the HTTP request: `documents.py` parses and
checks the query, `limits.py` refuses a query that asks for too much, and then the resolvers in
`resolvers/` run. `docs/graphql.md` is the page for clients.
"""
