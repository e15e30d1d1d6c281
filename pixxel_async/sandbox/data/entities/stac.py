"""Satellites, collections and scenes as JSON rows and STAC items."""

from __future__ import annotations

from typing import Any

from ...clock import HISTORY, zulu
from ...files.geotiff import Grid
from ...files.utm import wkt2
from ...rules.ids import number
from ..bands import FWHM, common_names, composite, solar_irradiance
from ..contents import PIXEL, grid, square
from ..thumbnails import thumbnail_key
from .imagery import SandboxSatellite, Scene

Row = dict[str, Any]
_SIZE = 1024
"""Pixels along the edge of a scene."""


def scene_item(scene: Scene, storage: str, *, older: bool = False) -> Row:
    """Render a scene as a STAC item.

    Args:
        scene: the scene.
        storage: origin of the storage, which serves its thumbnail.
        older: whether to use the form that catalogs still have.
    """
    satellite, shape = scene.satellite, grid(scene.place, _SIZE, _SIZE)
    outline = scene_outline(scene)
    (west, south), _, (east, north), *_ = outline["coordinates"][0]
    bbox = [west, south, east, north] if older else [str(edge) for edge in (west, south, east, north)]
    picture = f"{storage}/{thumbnail_key(scene.id)}"
    thumbnail = {"href": picture, "type": "image/png", "title": "Thumbnail", "roles": ["thumbnail"]}
    own = _catalog_properties(scene, shape.epsg) if older else _archive_properties(scene, shape.epsg)
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": ["https://stac-extensions.github.io/eo/v1.0.0/schema.json"],
        "id": scene.id,
        "collection": satellite.collection,
        "bbox": bbox,
        "geometry": outline,
        "properties": {**_common_properties(scene, shape), **own},
        "assets": {"data": _asset(scene, older), "thumbnail": thumbnail},
        "links": [link(f"{satellite.collection}/items/{scene.id}", "Scene")],
    }


def scene_outline(scene: Scene) -> Row:
    """Return the footprint of a scene."""
    return square(scene.place, 0.05)


def link(path: str, title: str, rel: str = "self") -> Row:
    """Render a link to something below the collections."""
    return {"rel": rel, "href": f"https://stac.example/collections/{path}", "title": title, "type": "application/json"}


def _common_properties(scene: Scene, shape: Grid) -> Row:
    name = scene.satellite.name.removeprefix("Pixxel-")
    return {
        "datetime": zulu(scene.taken_at),
        "created": zulu(scene.taken_at + 86_400),
        "updated": zulu(scene.taken_at + 2 * 86_400),
        "platform": name,
        "constellation": name,
        "instruments": ["VNIR"],
        "eo:cloud_cover": scene.cloud,
        "gsd": scene.satellite.resolution,
        "proj:shape": [_SIZE, _SIZE],
        "proj:transform": [PIXEL, 0, shape.west, 0, -PIXEL, shape.north],
        "sci:doi": "",
        "view:off_nadir": scene.off_nadir,
        "view:sun_azimuth": 135,
        "view:sun_elevation": 45,
    }


def _archive_properties(scene: Scene, epsg: int) -> Row:
    return {
        "startdatetime": zulu(scene.taken_at - 30),
        "title": scene.id,
        "description": f"Surface reflectance around {scene.place.name}",
        "license": "proprietary",
        "altitude": 550,
        "proj:code": f"EPSG:{epsg}",
        "rd:product_level": "L2A",
        "rd:sat_id": scene.satellite.name,
        "rd:type": "Reflectance",
        "rd:anomalous_pixels": 0.01,
        "rd:earth_sun_distance": 1,
        "view:scene_center_lat": scene.place.latitude,
        "view:scene_center_lon": scene.place.longitude,
    }


def _catalog_properties(scene: Scene, epsg: int) -> Row:
    return {
        "proj:epsg": epsg,
        "proj:wkt2": wkt2(epsg),
        "sat:orbit_state": "descending",
        "sat:relative_orbit": 1 + number(143, scene.id, "orbit"),
        "view:satellite_look_angle": scene.off_nadir,
    }


def _asset(scene: Scene, older: bool) -> Row:
    row: Row = {
        "href": f"https://storage.example/{scene.id}/{scene.id}.tif",
        "type": "image/tiff",
        "title": "Surface reflectance",
        "roles": ["data"],
        "eo:bands": [_band(scene.satellite, name, length, older) for name, length in scene.satellite.bands],
    }
    values = {"nodata": 0, "offset": 0, "scale": 0.00002, "spatial_resolution": scene.satellite.resolution}
    return row if older else {**row, "raster:bands": [values]}


def _band(satellite: SandboxSatellite, name: str, length: float, older: bool) -> Row:
    # The vendor's document says micrometres, and its samples are nanometres.
    row: Row = {"name": name, "center_wavelength": length, "fwhm": FWHM}
    if name in (common := common_names(satellite.bands)):
        row["common_name"] = common[name]
    return row if older else {**row, "solar_irradiance": solar_irradiance(length)}


def satellite_row(satellite: SandboxSatellite) -> Row:
    """Render the satellite for the listing."""
    bands = [
        {"name": name, "wavelength": length, "scale": 0.00002, "offset": 0, "spatial_resolution": satellite.resolution}
        for name, length in satellite.bands
    ]
    collection = {"id": satellite.collection, "name": satellite.collection, "provider": satellite.provider}
    red, green, blue = composite(satellite.bands)
    return {
        "id": satellite.id,
        "name": satellite.name,
        "bands": bands,
        "collections": [{**collection, "queryables": ["eo:cloud_cover"], "rescale": [0, 3000]}],
        "rgb_composite": {"red": red, "green": green, "blue": blue},
    }


def collection_row(satellite: SandboxSatellite) -> Row:
    """Render the satellite's collection."""
    first = HISTORY - satellite.scenes * 5 * 86_400
    provider = {"name": "Pixxel", "roles": ["producer"], "url": "https://pixxel.example", "description": "Operator"}
    return {
        "type": "Collection",
        "id": satellite.collection,
        "title": f"{satellite.name} surface reflectance",
        "description": f"Scenes of {satellite.name}",
        "stac_version": "0.1.0",
        "stac_extensions": ["https://stac-extensions.github.io/eo/v1.0.0/schema.json"],
        "license": "proprietary",
        "providers": [provider],
        "extent": {
            "spatial": {"bbox": [[-180, -56, 180, 83]]},
            "temporal": {"interval": [[zulu(first), zulu(HISTORY)]]},
        },
        "summaries": {"gsd": [satellite.resolution]},
        "links": [link(satellite.collection, "Collection")],
        "created_at": zulu(first),
        "updated_at": zulu(HISTORY),
    }
