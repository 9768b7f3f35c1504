"""How fast the service is, held against the same machine's limits; and where its time goes."""
