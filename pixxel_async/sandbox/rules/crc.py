"""CRC-32 of joined and of repeated bytes, from the CRCs of the parts: polynomial arithmetic over GF(2)."""

from __future__ import annotations

from functools import lru_cache

_POLYNOMIAL = 0xEDB88320


def _multiply(a: int, b: int) -> int:
    """a times b modulo the CRC polynomial, both with the coefficient of x^0 in the highest bit."""
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
    """x to this power modulo the CRC polynomial."""
    result, square = 1 << 31, 1 << 30
    while exponent:
        if exponent & 1:
            result = _multiply(square, result)
        square = _multiply(square, square)
        exponent >>= 1
    return result


def joined(first: int, second: int, second_length: int) -> int:
    """CRC-32 of two stretches one after the other; the length is that of the second, in bytes."""
    return _multiply(_power(8 * second_length), first) ^ second


def repeated(crc: int, length: int, times: int) -> int:
    """CRC-32 of a stretch of so many bytes, so many times over."""
    result, unit, size = 0, crc, length
    while times:
        if times & 1:
            result = joined(result, unit, size)
        unit, size = joined(unit, unit, size), size * 2
        times >>= 1
    return result
