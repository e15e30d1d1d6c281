"""Bands of the sandbox's satellites: names, wavelengths and derived values."""

from __future__ import annotations

import math
from collections.abc import Sequence

Bands = tuple[tuple[str, float], ...]
"""Name and central wavelength in nm of each band."""

FWHM = 5.5
"""Full width at half maximum of each band in nm."""
TD_BANDS: Bands = tuple((f"B{at:03}", float(473 + 6 * at)) for at in range(1, 68, 6))
S2_BANDS: Bands = (("B02", 493.0), ("B03", 560.0), ("B04", 665.0), ("B08", 833.0), ("B8A", 865.0), ("B11", 1610.0))
WAVELENGTHS: dict[str, float] = dict((*TD_BANDS, *S2_BANDS))
"""Central wavelength in nm by the name of a band; the satellites share no name."""
_COMMON = {"blue": 490.0, "green": 560.0, "red": 665.0, "nir": 840.0}
"""Common names of STAC, with the wavelength in nm that a band of this name is nearest to."""


def common_names(bands: Bands) -> dict[str, str]:
    """Return the common name of each band that has one."""
    return {min(bands, key=lambda band: abs(band[1] - centre))[0]: name for name, centre in _COMMON.items()}


def composite(bands: Bands) -> Sequence[str]:
    """Return the names of the red, the green and the blue band."""
    named = {common: name for name, common in common_names(bands).items()}
    return [named[color] for color in ("red", "green", "blue")]


def solar_irradiance(nanometres: float) -> float:
    """Return the sun's irradiance above the atmosphere in W/m²/µm, as of a black body of 5778 K."""
    metres, constant = nanometres * 1e-9, 0.014387769 / 5778
    radiance = 1.191042972e-16 / metres**5 / math.expm1(constant / metres)
    return round(radiance * 6.794e-5 * 1e-6, 2)
