"""LaTeX as MathML that browsers show without a script."""

from __future__ import annotations

import functools
import re

from graphc.errors import DrawingError

# Browsers know only mathvariant="normal"; bold letters are characters of their own.
_BOLD = {"A": 0x1D400, "a": 0x1D41A, "0": 0x1D7CE}
_BOLD_ITALIC = {"Α": 0x1D71C, "α": 0x1D736}
_VARIANT = re.compile(r'<(m[in]) mathvariant="(bold|bold-italic)">([^<]+)</m[in]>')


@functools.lru_cache(maxsize=1024)
def mathml(latex: str, display: bool = True) -> str:
    """`latex` as a ``<math>`` element.

    Raises
    ------
    DrawingError
        If the LaTeX cannot be read.
    """
    from latex2mathml import converter, exceptions  # noqa: PLC0415 - needed for reports only

    own = tuple(e for e in vars(exceptions).values() if isinstance(e, type) and issubclass(e, Exception))
    try:
        found: str = converter.convert(latex, display="block" if display else "inline")
    except Exception as error:
        if not isinstance(error, (*own, IndexError, StopIteration)):
            raise
        raise DrawingError(f"cannot read the LaTeX {latex[:80]!r} ({type(error).__name__})") from error
    return _VARIANT.sub(_bold, found)


def _bold(found: re.Match[str]) -> str:
    tag, _, content = found.groups()
    letters = re.sub(r"&#x([0-9A-Fa-f]+);", lambda m: chr(int(m[1], 16)), content)
    return f"<{tag}>{''.join(map(_bold_letter, letters))}</{tag}>"


def _bold_letter(letter: str) -> str:
    if letter.isascii() and letter.isalnum():
        first = "0" if letter.isdigit() else "A" if letter.isupper() else "a"
        return chr(_BOLD[first] + ord(letter) - ord(first))
    for first, code in _BOLD_ITALIC.items():
        if 0 <= ord(letter) - ord(first) < 25:
            return chr(code + ord(letter) - ord(first))
    return letter
