"""Satellites and their scenes in the archive."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache
from types import MappingProxyType

from attrs import frozen

from ...clock import HISTORY, at
from ...rules.ids import number
from ..bands import S2_BANDS, TD_BANDS, Bands
from ..contents import PLACES, SceneLocation


@frozen
class SandboxSatellite:
    """A satellite with its collection.

    Attributes:
        id, name: as in the API. Source of the ids: the vendor's document.
        collection, provider: collection and provider of its scenes.
        bands: name and wavelength in nm.
        resolution: pixel size in metres.
        scenes: number of its scenes in the archive.
    """

    id: str
    name: str
    collection: str
    provider: str
    bands: Bands
    resolution: int
    scenes: int


SATELLITES = (
    SandboxSatellite("0004ab8d-0ad1-4d62-8a3f-fe18a7000e70", "Pixxel-TD1", "pixxel-td-l2a", "pixxel", TD_BANDS, 30, 24),
    SandboxSatellite("0005c5bb-0bd2-4c80-9393-4a808341c54c", "Pixxel-TD2", "pixxel-td2", "pixxel", TD_BANDS, 10, 24),
    SandboxSatellite(
        "0002a3a3-00a2-4b55-842b-44d8202c6d60", "Sentinel-2", "sentinel-2-l2a", "planetary", S2_BANDS, 10, 64
    ),
)
# ASSUMPTION: no page names the ids of the Firefly satellites and their collections.
FIREFLY = SandboxSatellite(
    "0006a0f1-0bd2-4c80-9393-4a808341c54c", "Pixxel-FF01", "pixxel-ff-l2a", "pixxel", TD_BANDS, 5, 0
)
BY_ID = {satellite.id: satellite for satellite in (*SATELLITES, FIREFLY)}


@frozen
class Scene:
    """One acquisition.

    Attributes:
        id: in the naming pattern of its satellite.
        satellite: the satellite that acquired it.
        place: its centre.
        taken_at: when, in seconds since 1970.
        cloud: cloud cover in per cent.
        off_nadir: degrees.
    """

    id: str
    satellite: SandboxSatellite
    place: SceneLocation
    taken_at: float
    cloud: float
    off_nadir: float


@lru_cache(maxsize=8)
def scenes(seed: int | str) -> Mapping[str, Scene]:
    """Return the whole archive of a seed, oldest first within each collection; sandboxes of a seed share it."""
    scenes_by_time = [_scene(seed, satellite, nth) for satellite in SATELLITES for nth in range(satellite.scenes)]
    return MappingProxyType({scene.id: scene for scene in scenes_by_time})


def _scene(seed: int | str, satellite: SandboxSatellite, nth: int) -> Scene:
    place = PLACES[nth % len(PLACES)]
    taken_at = HISTORY - (satellite.scenes - nth) * 5 * 86_400 + number(6 * 3600, seed, satellite.id, nth, "hour")
    day, code = f"{at(taken_at):%Y%m%d}", number(10**6, seed, satellite.id, nth, "code")
    if satellite.provider == "pixxel":
        short, processed = satellite.name.removeprefix("Pixxel-"), at(taken_at) + timedelta(days=3)
        # Source: the naming pattern on the vendor's support page.
        id = (
            f"{short}_{code:06}_{day}_L2A_{processed:%Y%m%d}_{satellite.resolution // 10:03}01{len(satellite.bands):03}"
        )
    else:
        id = f"S2A_T{10 + nth % 50}R{code % 1000:03}_{day}_L2A"
    cloud = number(1000, seed, id, "cloud") / 10
    return Scene(id, satellite, place, taken_at, cloud, number(200, seed, id, "angle") / 10)
