"""Indices and visualizations."""

from __future__ import annotations

from typing import Any

from ..answers import RequestRefused, invalid, not_found, plain
from ..data.entities.areas import assets
from ..data.entities.imagery import BY_ID
from ..data.entities.pictures import Picture, draw, index_row, picture_detail, picture_row, style_legend
from ..data.world import Row, World
from ..routes import Ask
from ..rules.expressions import parts
from ..rules.rows import match_rows, page
from .aois import PAGE


def list_indices(world: World, ask: Ask) -> Any:
    """Return a page of indices."""
    filters = {name: ask.query.get(name) for name in ("satellite_id", "type", "expression_type")}
    rows = match_rows(world.indices.values(), filters | {"id": ask.query.get("index_id")})
    listed, pagination = page(rows, ask.query.get("limit"), ask.query.get("offset"), PAGE)
    return {"indices": listed, "pagination": pagination}


def create_index(world: World, ask: Ask) -> Any:
    """Create a custom index; names are unique."""
    if ask.body["satellite_id"] not in BY_ID:
        raise not_found("satellite", ask.body["satellite_id"])
    if any(row["name"] == ask.body["name"] for row in world.indices.values()):
        raise RequestRefused(409, "conflict", f"an index with the name {ask.body['name']} exists")
    _check_index(ask.body)
    names = ("name", "description", "rescale", "expression", "colormap", "satellite_id", "expression_type")
    row = index_row(world.new_id("index"), ask.now, kind="custom", **{name: ask.body[name] for name in names})
    world.indices[row["id"]] = row
    return row


def _check_index(body: Row) -> None:
    try:
        parts(body["expression"])
    except ValueError as error:
        raise invalid(f"expression {body['expression']!r}: {error}") from None
    if len(body["rescale"]) < 2 or body["rescale"][0] >= body["rescale"][-1]:
        raise invalid("rescale must be two numbers, the lower one first")


def list_pictures(world: World, ask: Ask) -> Any:
    """Return a page of an AOI's visualizations."""
    area = world.area(ask.path["aoi_id"])
    filters = {name: ask.query.get(name) for name in ("type", "user_id", "expression_type", "index_id")}
    filters["id"] = ask.query.get("visualization_id")
    own = {picture.id: picture for picture in world.pictures.values() if picture.area is area}
    rows = match_rows((picture_detail(picture, ask.now) for picture in own.values()), filters)
    listed, pagination = page(rows, ask.query.get("limit"), ask.query.get("offset"), PAGE)
    return {"visualization": [picture_row(own[row["id"]], ask.now) for row in listed], "pagination": pagination}


def create_picture(world: World, ask: Ask) -> Any:
    """Create a visualization, one for each index."""
    area, index = world.area(ask.path["aoi_id"]), world.indices.get(ask.body["index_id"])
    if index is None:
        raise not_found("index", ask.body["index_id"])
    asset_ids = {asset["id"] for asset in assets(area, ask.now)}
    if set(ask.body.get("src_asset_ids") or ()) - asset_ids:
        raise invalid("src_asset_ids must name assets of this AOI")
    if any(other.area is area and other.index is index for other in world.pictures.values()):
        raise RequestRefused(409, "conflict", "a visualization of this index exists")
    id = world.new_id("visualization")
    picture = Picture(id, area, index, world.user_id, world.org_id, ask.now, world.job_seconds / 2)
    world.pictures[id] = picture
    return picture_detail(picture, ask.now)


def _picture(world: World, ask: Ask) -> Picture:
    picture = world.pictures.get(ask.path["visualization_id"])
    if picture is None or picture.area.id != ask.path["aoi_id"]:
        raise not_found("visualization", ask.path["visualization_id"])
    return picture


def update_metadata(world: World, ask: Ask) -> Any:
    """Set the classes of one mode; in dynamic mode, compute those without limits."""
    picture, body = _picture(world, ask), ask.body
    mode, bins = body["visualization_mode"], body.get("dynamic_bins")
    for date, classes in body["legend"].items():
        if date not in picture.area.dates():
            raise invalid(f"there is no {date} in this visualization")
        fresh = picture.classes(mode, date, bins if mode == "dynamic" and bins else max(1, len(classes)))[
            : bins or None
        ]
        chosen = [{name: value for name, value in row.items() if value is not None} for row in classes]
        chosen += [{}] * (len(fresh) - len(chosen))
        picture.legends[mode, date] = [base | own for base, own in zip(fresh, chosen, strict=False)]
    return picture.metadata()


def rollback_metadata(world: World, ask: Ask) -> Any:
    """Remove the classes set for these dates."""
    picture = _picture(world, ask)
    _check_same_index(picture, ask)
    for date in ask.body["dates"]:
        picture.legends.pop((ask.body["visualization_mode"], date), None)
    return picture_detail(picture, ask.now)


def _check_same_index(picture: Picture, ask: Ask) -> None:
    if ask.body["index_id"] != picture.index["id"]:
        raise invalid("index_id is not that of the visualization")


def png(world: World, ask: Ask) -> Any:
    """Render the visualization of one date as a picture with its legend."""
    picture, mode, date = _picture(world, ask), ask.body["visualization_mode"], ask.body["date"]
    _check_same_index(picture, ask)
    if mode not in ("dynamic", "theoretical"):
        raise invalid("visualization_mode must be dynamic or theoretical")
    if date not in picture.area.dates():
        raise not_found("date", date)
    return plain(200, draw(picture, mode, date, world.behaviour.picture_scale), "image/png")


def sld(world: World, ask: Ask) -> Any:
    """Render the legends as styled layer descriptors, by mode and date."""
    picture = _picture(world, ask)
    unknown = [date for date in ask.body["dates"] if date not in picture.area.dates()]
    if unknown:
        raise not_found("date", unknown[0])
    modes = ask.body["visualization_modes"]
    return {"sld": {mode: {date: style_legend(picture, mode, date) for date in ask.body["dates"]} for mode in modes}}


HANDLERS = {
    "indices.list": list_indices,
    "indices.create": create_index,
    "visualizations.list": list_pictures,
    "visualizations.create": create_picture,
    "visualizations.update_metadata": update_metadata,
    "visualizations.rollback_metadata": rollback_metadata,
    "visualizations.png": png,
    "visualizations.sld": sld,
}
