"""Data for recipes: files and bundled sets, read into one table, and made into features and a target."""
