"""PPO's clipped objective over the ratio: where it stops pushing, and where it does not."""
