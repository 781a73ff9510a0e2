"""Two layers composed: a line without a bend between them, pieces with one."""
