"""Routes sent to an HTTP address, signed, with an idempotency key."""

from releve.routing.webhook.adapter import Webhook, from_environment

__all__ = ["Webhook", "from_environment"]
