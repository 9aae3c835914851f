"""The pages of prepared switches: what a loss would publish, its consequences, and the press."""
