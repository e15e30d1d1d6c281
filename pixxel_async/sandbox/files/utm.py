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


def wkt2(epsg: int) -> str:
    """Return a UTM zone on WGS 84 as WKT2."""
    zone, south = epsg % 100, epsg >= 32700
    named = f"WGS 84 / UTM zone {zone}{'S' if south else 'N'}"
    base = 'BASEGEOGCRS["WGS 84",DATUM["World Geodetic System 1984",ELLIPSOID["WGS 84",6378137,298.257223563]]]'
    values = {
        "Latitude of natural origin": f'0,ANGLEUNIT["degree",{math.pi / 180}]',
        "Longitude of natural origin": f'{zone * 6 - 183},ANGLEUNIT["degree",{math.pi / 180}]',
        "Scale factor at natural origin": "0.9996",
        "False easting": '500000,LENGTHUNIT["metre",1]',
        "False northing": f'{10_000_000 if south else 0},LENGTHUNIT["metre",1]',
    }
    parameters = ",".join(f'PARAMETER["{name}",{value}]' for name, value in values.items())
    conversion = f'CONVERSION["UTM",METHOD["Transverse Mercator"],{parameters}]'
    axes = 'CS[Cartesian,2],AXIS["(E)",east],AXIS["(N)",north],LENGTHUNIT["metre",1]'
    return f'PROJCRS["{named}",{base},{conversion},{axes},ID["EPSG",{epsg}]]'


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
