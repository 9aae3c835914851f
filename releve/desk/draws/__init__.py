"""The draws of visits on the desk: today's, with the visits and tests that followed."""
