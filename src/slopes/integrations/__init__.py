"""What connects slopes with the trainers of others."""
