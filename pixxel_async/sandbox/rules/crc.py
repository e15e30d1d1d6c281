"""CRC-32 of joined and repeated bytes from the CRCs of the parts: polynomial arithmetic over GF(2)."""

from __future__ import annotations

from functools import lru_cache

_POLYNOMIAL = 0xEDB88320


def _multiply(a: int, b: int) -> int:
    """Multiply modulo the CRC polynomial, with the coefficient of x^0 in the highest bit."""
    product, bit = 0, 1 << 31
    while a:
        if a & bit:
            product ^= b
            a ^= bit
        bit >>= 1
        b = (b >> 1) ^ _POLYNOMIAL if b & 1 else b >> 1
    return product


@lru_cache(maxsize=4096)
def _power(exponent: int) -> int:
    """Raise x to a power modulo the CRC polynomial."""
    result, square = 1 << 31, 1 << 30
    while exponent:
        if exponent & 1:
            result = _multiply(square, result)
        square = _multiply(square, square)
        exponent >>= 1
    return result


def join_crc(first: int, second: int, second_length: int) -> int:
    """Return the CRC-32 of two sequences joined; the length is that of the second, in bytes."""
    return _multiply(_power(8 * second_length), first) ^ second


def repeat_crc(crc: int, length: int, times: int) -> int:
    """Return the CRC-32 of a sequence of that many bytes, repeated."""
    result, unit, size = 0, crc, length
    while times:
        if times & 1:
            result = join_crc(result, unit, size)
        unit, size = join_crc(unit, unit, size), size * 2
        times >>= 1
    return result
