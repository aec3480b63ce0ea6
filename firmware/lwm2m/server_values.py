"""What a server may write to its Server object (Object 1): ranges, bindings, URIs."""


def good(version, role: "str | None", value) -> bool:
    """Whether a value, which is of its resource's type, is one that the resource of a role takes.

    version: the account's lwm2m.versions.Version.
    """
    if role == "binding":
        return version.parse_binding(value) is not None
    if role == "uri":
        from lwm2m.server_uri import parse_uri

        try:
            parse_uri(value)
            return len(value) <= 255
        except ValueError:
            return False
    if role == "preferred_transport":
        return len(value) == 1 and value in ("UTSNMH" if version.endless else "UTSN")
    if role == "lifetime":
        return (0 if version.endless else 1) <= value <= 0x7FFFFFFF
    if role == "pmin" or role == "pmax":
        return 0 <= value <= (0x7FFFFFFF if version.binding_query else 0xFFFF)
    if role in ("disable_timeout", "registration_delay", "retry_timer"):
        return 0 <= value <= 0xFFFFFFFF
    if role == "default_notification_mode":
        return value == 0 or value == 1
    return role != "profile_hash" or value <= 255
