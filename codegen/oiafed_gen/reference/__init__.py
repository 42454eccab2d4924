"""The HTML reference of a schema: from the model and its Python names to static pages that need nothing else."""
