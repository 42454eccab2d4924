"""A lane over connections of its own: TCP, TLS or a Unix socket, read and written by worker threads."""
