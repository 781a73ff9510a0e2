"""A line through twelve points, one of them bad: what each loss makes of it."""
