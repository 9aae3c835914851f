"""Long work (crash tests, outlooks): started, watched, stopped, resumed, spread over machines."""
