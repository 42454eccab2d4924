"""Large payloads: what leaves a call's message travels beside it, in chunks, over the best lane of the connection."""
