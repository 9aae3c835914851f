"""The pages of sites, clients and reliefs: the plan and relief in force, and their effects."""
