"""From the model to what the templates lay out: Python names, annotations, imports and statements."""
