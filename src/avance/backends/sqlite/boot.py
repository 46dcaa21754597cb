from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """
    What the system calls the time since it was last started; one word for all times where it does not say.
    """
    try:
        return _BOOT_ID.read_text("ascii").strip()
    except OSError:
        return "unknown"
