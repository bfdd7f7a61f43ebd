"""Recipes: the tables, what they may hold, and the file."""
