"""The pages of the grid: agents down, days across, edited, printed, sent to a spreadsheet and back."""
