"""One number that trains: prediction, target, loss, slope and step, with a single weight."""
