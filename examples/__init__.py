"""Examples of what oiafed-rpc is for."""
