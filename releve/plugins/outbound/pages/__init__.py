"""The pages of outbound calls: the rules in force, and what a change of them would do."""
