import msgspec


class ReadingLimits(msgspec.Struct, frozen=True, kw_only=True):
    memory_bytes_max: int = 1_073_741_824
    """Address space of the child that reads one file; normal files need a tenth of it."""
    children_max: int = 4
    """Children at the same time; further files wait."""
    cpu_s_max: int = 300
    """Processor time of that child."""
    wall_s_max: float = 900.0
    """A child that is silent or busy for longer is ended."""
    pages_max: int = 20_000
    page_chars_max: int = 1_000_000
    """A page of more text is cut into several."""
    file_chars_max: int = 50_000_000
    zip_ratio_max: int = 256
    """A container whose contents are so many times its size is a bomb."""
    zip_bytes_max: int = 524_288_000
    zip_entries_max: int = 20_000
    image_pixels_max: int = 120_000_000
    frame_bytes_max: int = 16_777_216
    """One message of the child."""


READING_LIMITS = ReadingLimits()
