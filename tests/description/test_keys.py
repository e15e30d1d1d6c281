"""The description's `x-` keys name existing members and hold what the generator needs."""

from __future__ import annotations

from tests.description.document import DOCUMENT, SCHEMAS, answers, body, by_name, members, parameters, resolve


def test_listings_have_the_members_of_their_paging() -> None:
    """A listing has the arguments of its paging style, the member with the rows, and a total if the style has one."""
    sent = {"offset": "limit offset", "offset-open": "limit offset", "page": "page_num page_size", "skip": "limit"}
    total = {"offset": "pagination", "body-offset": "pagination", "page": "count", "skip": "pagination"}
    for name, each in by_name().items():
        if style := each.get("x-paging"):
            arguments = {p["name"] for p in parameters(each)} | set(body(each).get("properties", {}))
            assert set(sent.get(style.removeprefix("body-"), "").split()) <= arguments, name
            (answer,) = answers(each).values()
            assert each["x-items"] in answer["properties"], name
            assert style not in total or total[style] in answer["properties"], name


def test_keys_name_existing_members() -> None:
    """Filters, lent, exclusive and conditional arguments exist in their operation."""
    for name, each in by_name().items():
        arguments = {p["name"] for p in parameters(each)} | set(body(each).get("properties", {}))
        named = {*each.get("x-exactly-one", ()), *each.get("x-requires", ()), *each.get("x-repeat-unless", ())}
        named |= {other for condition in each.get("x-requires", {}).values() for other in condition}
        named |= set(each.get("x-lend", {}).values())
        named |= {member for variant in each.get("x-variants", {}).values() for member in variant["set"]}
        if filtered := each.get("x-get-from"):
            named.add(filtered["filter"])
        assert named <= arguments, name
        assert all(variant["returns"] in SCHEMAS for variant in each.get("x-variants", {}).values()), name


def test_waits_end_by_listed_words() -> None:
    """Jobs, AOIs, visualizations and insights can be waited for, until a listed word or the synonym `success`."""
    waits = {name: each for name, each in by_name().items() if "x-wait" in each}
    assert set(waits) == {"jobs.get", "aois.get", "visualizations.list", "insights.list"}
    for name, each in waits.items():
        wait = each["x-wait"]
        (answer,) = answers(each).values()
        row = resolve(answer["properties"][each["x-items"]]["items"] if "x-items" in each else answer)["properties"]
        assert wait["id"] in row and wait.get("list", name) in by_name(), name
        known = set(resolve(row[wait["status"]])["x-values"]) | {"success"}
        assert set(wait["good"]) | set(wait["bad"]) <= known and not set(wait["good"]) & set(wait["bad"]), name


def test_lent_members_come_from_a_list_of_the_schema() -> None:
    """A lent member is taken from a parent that lists rows of this schema."""
    assert set(SCHEMAS["JobTask"]["x-lent"]) == {"workflow_id", "job_id"}
    for name, schema in SCHEMAS.items():
        for lent in schema.get("x-lent", {}).values():
            parent, rows = lent["from"].split(".")
            assert SCHEMAS[parent]["properties"][rows]["items"] == {"$ref": f"#/components/schemas/{name}"}
            assert lent["member"] in SCHEMAS[parent]["properties"]


def test_exclusive_members_exist_and_are_not_required() -> None:
    """Members that exclude each other are not required."""
    for node in (*SCHEMAS.values(), *map(body, by_name().values())):
        assert not set(node.get("x-exactly-one", ())) & set(node.get("required", ()))
    assert SCHEMAS["NewDelivery"]["x-exactly-one"] == by_name()["catalogs.request_download"]["x-exactly-one"]


def test_corrected_types() -> None:
    """Members the vendor calls lists of integers accept any JSON; boxes hold numbers or texts; word lists are open."""
    everything = dict(pair for name, schema in SCHEMAS.items() for pair in members(name, schema))
    anything = "BlockSpec.inputs BlockSpec.outputs Insight.input Insight.output Job.spec Workflow.spec"
    for place in (*anything.split(), "JobTask.info_logs", "JobTask.inputs", "JobTask.result"):
        assert not {"type", "$ref", "items"} & set(everything[place]), place
    assert everything["STACItem.bbox"]["items"] == {"type": ["number", "string"]}
    assert len(SCHEMAS["DeliveryStatus"]["x-values"]) == 8
    assert DOCUMENT["x-left-out"]
