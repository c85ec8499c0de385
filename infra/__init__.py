"""What __main__.py is made of."""
