//! The sans-IO state machine: identity, queue, batches, retry, consent, sessions, settings, timeline
