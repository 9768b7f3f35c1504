"""Pages for people: the API documentation, the problems, and where links in messages lead."""
