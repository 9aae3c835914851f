"""The incident room: roles, decisions with reasons, tasks, the log and the review."""
