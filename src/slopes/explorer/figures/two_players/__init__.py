"""What a fake costs the generator that made it, and the discriminator that judges it."""
