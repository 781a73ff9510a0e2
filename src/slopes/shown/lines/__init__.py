"""What each loss is drawn over, a file for each family."""
