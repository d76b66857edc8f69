//! nexmo-gate: an IP allowlist proxy for Nexmo (Vonage) webhooks.
