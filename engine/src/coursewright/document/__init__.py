"""The pipeline file as a document: YAML with places, typed scalars, and problems that point at a place."""
