"""Short programs that use Relève as a library; ``docs/guide/from-a-call-log.md`` walks through."""
