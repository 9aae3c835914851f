"""The handbook: a page for each role in French and English, as Markdown beside this file."""
