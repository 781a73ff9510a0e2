"""What diffusion and flow models predict, over time, and how much each of their targets charges an error."""
