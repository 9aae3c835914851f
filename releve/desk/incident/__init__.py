"""The incident room: who does what, what is decided and why, what is to be done, the review."""
