"""Who may sign in, with which roles and scopes; tokens of programs; names behind pseudonyms."""
