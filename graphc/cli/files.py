"""Output files: each is whole or absent."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from graphc.errors import SettingError


def write(path: Path, content: str | bytes) -> Path:
    """Write `content` beside `path`, then move it there: an interruption leaves no half file.

    Raises
    ------
    SettingError
        If the file cannot be written there.
    """
    data = content.encode() if isinstance(content, str) else content
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~umask())
        os.replace(temporary, path)
    except OSError as error:
        raise SettingError(f"cannot write {str(path)!r}: {error.strerror or error}") from error
    finally:
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)
    return path


def folder(path: Path) -> Path:
    """The folder `path`, made if need be.

    Raises
    ------
    SettingError
        If it cannot be made, or is a file.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingError(f"cannot make the folder {str(path)!r}: {error.strerror or error}") from error
    return path


def umask() -> int:
    """The process's file mode mask; reading it means setting it twice."""
    current = os.umask(0)
    os.umask(current)
    return current
