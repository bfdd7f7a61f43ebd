"""Planning: from a data set, a machine and a time to a recipe."""
