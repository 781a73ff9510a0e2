"""The decision page: from a task, or from a file of data, to a recipe and a report."""
