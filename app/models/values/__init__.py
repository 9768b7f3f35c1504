"""The rules about single values, such as an email address."""
