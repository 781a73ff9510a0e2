"""Why a bend: linear layers make one line, and what an activation between them makes possible."""
