"""Recipes for numbers: plain, robust, transformed, bounded, positive, with error bars and quantiles."""
