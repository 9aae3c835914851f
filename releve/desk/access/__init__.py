"""Who may see and do what: people who sign in, their roles, and the acts that ask again."""
