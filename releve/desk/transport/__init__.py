"""The pages of the vehicles: the runs of a day with their routes, and a sheet for each driver."""
