"""The data of the live page: payloads, time lines, firing alerts, and their server-sent events."""
