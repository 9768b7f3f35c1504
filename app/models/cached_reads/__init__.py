"""What identifies a cached read, and which change of data invalidates it."""
