"""Fields that several bodies share: money, names and passwords."""
