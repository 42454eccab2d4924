""".proto schema files: what they say of themselves, and the model from protoc's descriptors."""
