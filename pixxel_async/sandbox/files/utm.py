"""Convert longitude and latitude to UTM metres on WGS 84."""

from __future__ import annotations

import math

_AXIS = 6_378_137.0
_FLAT = 1 / 298.257223563
_THIRD = _FLAT / (2 - _FLAT)
_RECTIFYING = _AXIS / (1 + _THIRD) * (1 + _THIRD**2 / 4 + _THIRD**4 / 64)
_SERIES = (
    _THIRD / 2 - 2 * _THIRD**2 / 3 + 5 * _THIRD**3 / 16,
    13 * _THIRD**2 / 48 - 3 * _THIRD**3 / 5,
    61 * _THIRD**3 / 240,
)


def zone(longitude: float, latitude: float) -> int:
    """Return the EPSG code of a location's UTM zone."""
    return (32600 if latitude >= 0 else 32700) + int((longitude + 180) // 6) % 60 + 1


def metres(longitude: float, latitude: float, epsg: int) -> tuple[float, float]:
    """Return easting and northing in a zone, by Krueger's series to the third order (well below a metre)."""
    along = math.radians(longitude - ((epsg % 100) * 6 - 183))
    sine, root = math.sin(math.radians(latitude)), 2 * math.sqrt(_THIRD) / (1 + _THIRD)
    conformal = math.sinh(math.atanh(sine) - root * math.atanh(root * sine))
    north, east = math.atan2(conformal, math.cos(along)), math.atanh(math.sin(along) / math.hypot(1, conformal))
    terms = [(k, 2 * k * north, 2 * k * east) for k in (1, 2, 3)]
    easting = east + sum(_SERIES[k - 1] * math.cos(n) * math.sinh(e) for k, n, e in terms)
    northing = north + sum(_SERIES[k - 1] * math.sin(n) * math.cosh(e) for k, n, e in terms)
    scale = 0.9996 * _RECTIFYING
    return 500_000 + scale * easting, (0 if epsg < 32700 else 10_000_000) + scale * northing
