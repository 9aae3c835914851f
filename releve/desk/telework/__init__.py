"""What telework does: which operations are right for home, and the way of it into the plan."""
