"""Gates: one half of a layer decides how much of the other passes; and attention, whose gates compete."""
