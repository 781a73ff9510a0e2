"""What serves the explorer: its application, its pages, and the files they are made of."""
