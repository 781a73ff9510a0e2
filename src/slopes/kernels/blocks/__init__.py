"""What runs in blocks of rows, in any room: executor, operators, chunk sizes."""
