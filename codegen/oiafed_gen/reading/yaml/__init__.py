"""YAML schema files: text, tree, what it declares, and the model of that."""
