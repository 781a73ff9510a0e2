"""Losses of forecasts: errors by size, by ratio and by scale, levels, and whole distributions against what came."""
