"""What is remembered: the only place, with `models/`, that speaks SQL."""
