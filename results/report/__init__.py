"""The report of a search: one HTML page, made from its tables and its plan."""
