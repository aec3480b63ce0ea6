"""The LwM2M client. Knows coap/; nothing of modems or hardware."""
