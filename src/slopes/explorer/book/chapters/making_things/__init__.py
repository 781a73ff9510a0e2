"""Making things: what is charged where no answer is the only right one."""
