"""HTTP: one file per noun, each with its `routes`."""
