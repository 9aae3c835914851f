"""For those who watch the installation: whether it lives, whether it is ready, its metrics."""
