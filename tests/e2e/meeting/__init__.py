"""Two schemas of one package, and a node that serves and calls by either of them."""
