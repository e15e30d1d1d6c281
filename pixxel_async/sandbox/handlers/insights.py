"""Blocks, and the insights made with them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import evolve

from ..answers import as_json, invalid, not_found
from ..behaviour.behaviour import Behaviour
from ..clock import HISTORY, zulu
from ..data.contents import list_port_members
from ..data.entities.blocks import BLOCKS, SandboxBlock
from ..data.entities.insights import SandboxInsight, element_name, insight_row
from ..data.world import Row, World
from ..files.archive import ArchiveMember
from ..routes import Ask
from ..rules.ids import digest, uuid
from ..rules.rows import match_rows


def _block_row(world: World, block: SandboxBlock, version: str) -> Row:
    id = uuid(world.seed, "block", block.name)
    spec = {
        "id": id,
        "version_id": uuid(world.seed, "block", block.name, version),
        "kind": "block",
        "type": block.kind,
        "name": block.name,
        "title": block.title,
        "description": f"{block.title}: {block.price} tokens a run",
        "version": version,
        "status": 1,
        "inputs": [port.data(block.name) for port in block.inputs],
        "outputs": [port.data(block.name) for port in block.outputs],
        "catalog_content_url": f"https://blocks.example/{block.name}",
        "supported_collections_id": ["pixxel-td-l2a", "sentinel-2-l2a"],
    }
    return {"id": id, "block_status": "released", "spec": spec, "created_at": zulu(HISTORY), "err": ""}


def list_blocks(world: World, ask: Ask) -> Any:
    """Return the newest version of each block, or of those for one mode."""
    mode = ask.query.get("mode")
    if mode not in (None, "", "insight", "workflow"):
        raise invalid("mode must be insight or workflow")
    chosen = [block for block in BLOCKS.values() if not mode or mode in block.modes]
    return {"blocks": [_block_row(world, block, block.versions[-1]) for block in chosen]}


def _block(name: str) -> SandboxBlock:
    if name not in BLOCKS:
        raise not_found("block", name)
    return BLOCKS[name]


def list_versions(world: World, ask: Ask) -> Any:
    """Return all versions of a block."""
    block = _block(ask.path["name"])
    return {"blocks": [_block_row(world, block, version) for version in block.versions]}


def get_block(world: World, ask: Ask) -> Any:
    """Return one version of a block."""
    block = _block(ask.path["name"])
    if ask.path["version"] not in block.versions:
        raise not_found("version", ask.path["version"])
    return _block_row(world, block, ask.path["version"])


def create_insight(world: World, ask: Ask) -> Any:
    """Create an insight, or with `estimate` return its cost."""
    area, body = world.area(ask.path["aoi_id"]), ask.body
    block = _block(body["block"].get("name") or "")
    if "insight" not in block.modes or body["block"]["version"] not in block.versions:
        raise invalid(f"no insight can be made with {block.name} {body['block']['version']}")
    if body.get("estimate"):
        return as_json(200, {"estimate": block.price})
    insight = SandboxInsight(
        world.new_id("insight"),
        body.get("name") or block.title,
        body.get("project_id") or area.project_id,
        world.user_id,
        body.get("metadata") or {},
        area,
        block,
        body["input"],
        ask.now,
        world.job_seconds,
    )
    world.insights[insight.id] = insight
    return as_json(201, {"id": insight.id, "message": "insight created"})


def list_insights(world: World, ask: Ask) -> Any:
    """Return an AOI's insights that were not deleted."""
    area = world.area(ask.path["aoi_id"])
    filters = {name: ask.query.get(name) for name in ("id", "status", "created_by")}
    filters["created_at"] = ask.query.get("created_on")
    rows = (
        insight_row(insight, ask.now, world.behaviour.spelling.elements)
        for insight in world.insights.values()
        if insight.area is area
    )
    return {"insights": match_rows(rows, filters, times=world.behaviour.created_on)}


def _insight(world: World, ask: Ask) -> SandboxInsight:
    insight = world.insights.get(ask.path["insight_id"])
    if insight is None or insight.area.id != ask.path["aoi_id"]:
        raise not_found("insight", ask.path["insight_id"])
    return insight


def delete_insight(world: World, ask: Ask) -> Any:
    """Delete an insight of the project in the query."""
    insight = _insight(world, ask)
    if ask.query["project_id"] != insight.project_id:
        raise invalid("the insight belongs to another project")
    del world.insights[insight.id]


def request_insight(world: World, ask: Ask) -> Any:
    """Request a package of some inputs and outputs; all outputs if none is named."""
    insight = _insight(world, ask)
    if (status := insight.status(ask.now)) != "completed":
        reason = f"insight {insight.id} is {status}; only a completed one can be packed"
        return {"id": insight.id, "status": world.refuse_unfinished(reason, ended=status == "failed"), "signed_url": ""}
    chosen = _choose_ports(insight, ask.body, world.behaviour)
    key = f"aois/{insight.area.id}/insights/{insight.id}/{digest(chosen).hex()[:12]}.zip"
    make = world.bundle(key, insight.area.place, lambda: _members(world, insight, chosen))
    packed = world.packing.ask(key, insight.id, make, ask.now)
    return {"id": insight.id, "status": packed.state, "signed_url": packed.link}


def _choose_ports(insight: SandboxInsight, body: Row, behaviour: Behaviour) -> SandboxBlock:
    """Return the block with only the named inputs and outputs."""
    # ASSUMPTION: the elements are the names of the ports, and an empty body packs all outputs, or all there is.
    block, inputs, outputs = insight.block, body.get("inputs") or [], body.get("outputs") or []
    names = {
        port.name: element_name(insight, port.name, behaviour.spelling.elements)
        for port in (*block.inputs, *block.outputs)
    }
    if unknown := [name for name in (*inputs, *outputs) if name not in names.values()]:
        raise invalid(f"the insight has no {unknown[0]}")
    if not inputs and not outputs:
        return evolve(block, inputs=() if behaviour.empty_body == "outputs" else block.inputs)
    return evolve(
        block,
        inputs=tuple(port for port in block.inputs if names[port.name] in inputs),
        outputs=tuple(port for port in block.outputs if names[port.name] in outputs),
    )


def _members(world: World, insight: SandboxInsight, block: SandboxBlock) -> Iterator[ArchiveMember]:
    for folder, ports in (("inputs", block.inputs), ("outputs", block.outputs)):
        for port in ports:
            yield from list_port_members(
                port, block.name, f"{folder}/{port.name}", insight.area.place, f"{world.seed}/{insight.id}"
            )


HANDLERS = {
    "blocks.list": list_blocks,
    "blocks.list_versions": list_versions,
    "blocks.get": get_block,
    "insights.create": create_insight,
    "insights.list": list_insights,
    "insights.delete": delete_insight,
    "insights.request_download": request_insight,
}
