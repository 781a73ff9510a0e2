"""What everything else stands on: errors, settings, specs, checks, reduction, numerics. Imports torch only."""
