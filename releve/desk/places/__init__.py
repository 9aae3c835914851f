"""The pages of sites, clients and reliefs: what is in force, and what it does where."""
