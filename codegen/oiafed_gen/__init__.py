"""The generator: from schema files to typed Python stubs."""
