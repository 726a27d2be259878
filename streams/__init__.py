"""The numbered, append-only logs that followers read, and the one writer that commits them."""
