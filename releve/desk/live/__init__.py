"""The pages of what happens now: Now, Record, drills, and the answer behind a message's link."""
