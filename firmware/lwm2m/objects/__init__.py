"""Objects: definitions and behaviour, built on lwm2m.object only."""
