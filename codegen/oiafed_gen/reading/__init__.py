"""From schema files to the model."""
