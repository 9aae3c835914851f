"""The worker: event, relief, routes, people; each effect once, on a real clock or a drill's."""
