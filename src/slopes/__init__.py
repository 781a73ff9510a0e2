"""Every activation and loss function: its value and its slope."""
from slopes._core.settings import checks, exact
