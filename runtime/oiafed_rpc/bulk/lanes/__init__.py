"""How the chunks of a transfer travel: through gRPC, a socket of their own, or the memory of the host."""
