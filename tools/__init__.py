"""What keeps the house in order: its words checked, its pictures drawn."""
