"""The pages of the crash test: runs started, watched and stopped; what they found; compared."""
