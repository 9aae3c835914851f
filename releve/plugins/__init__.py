"""What an operator may do without: each plug-in registers with the core, which imports none."""
