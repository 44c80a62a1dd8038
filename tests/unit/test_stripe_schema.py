"""The schema checker accepts whole objects and names each planted fault."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.support import stripe_objects, stripe_presence, stripe_schema
from tests.support.stripe_schema import check, required_fields


def smallest(fields: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Build an object of demanded fields alone, null wherever null is allowed."""
    return {name: _value(field) for name, field in fields.items() if field["always"]}


def _value(field: dict[str, Any]) -> Any:
    if field["nullable"]:
        return None
    kind = field["type"]
    if "values" in field:
        return field["values"][0]
    if kind == "object":
        return smallest(field["fields"])
    simple: dict[str, Any] = {"str": "text", "int": 1, "float": 1.5, "bool": False, "list": []}
    return simple.get(kind, {})


def an(object_name: str) -> dict[str, Any]:
    """Build the smallest legal object of a kind."""
    built = smallest(required_fields(object_name))
    if object_name in stripe_objects.ID_PREFIXES:
        built["id"] = stripe_objects.ID_PREFIXES[object_name] + "1"
    if object_name == "payment_method":
        card = stripe_schema.shape_of(object_name)["card"]["fields"]
        built |= {"type": "card", "card": smallest(card)}
    if object_name == "price":
        built["product"] = "prod_1"
    if object_name == "payment_link":
        built["after_completion"]["hosted_confirmation"] = {"custom_message": None}
    if object_name == "setup_attempt":
        built |= {"payment_method": "pm_1", "setup_intent": "seti_1"}
    if object_name == "event":
        built["data"] = {"object": an("payment_intent")}
    return built


def a_charge_with_card() -> dict[str, Any]:
    details = stripe_schema.shape_of("charge")["payment_method_details"]["fields"]
    charge = an("charge")
    charge["payment_method_details"] = {"type": "card", "card": smallest(details["card"]["fields"])}
    return charge


def a_list(*objects: dict[str, Any]) -> dict[str, Any]:
    return {"object": "list", "url": "/v1/charges", "has_more": False, "data": list(objects)}


@pytest.mark.parametrize("object_name", sorted(stripe_objects.CLASSES))
def test_smallest_object_of_each_kind_is_accepted(object_name: str) -> None:
    assert check(an(object_name)) == []


@pytest.mark.parametrize("object_name", sorted(stripe_objects.CLASSES))
def test_each_demanded_field_is_missed_when_it_is_left_out(object_name: str) -> None:
    for name in required_fields(object_name).keys() - {"object"}:
        planted = an(object_name)
        del planted[name]
        assert f"$.{name}: missing field" in check(planted)


@pytest.mark.parametrize("object_name", sorted(stripe_objects.CLASSES))
def test_each_wrong_enum_value_is_found(object_name: str) -> None:
    for name, field in required_fields(object_name).items():
        if "values" in field and name != "object":
            assert check(an(object_name) | {name: "surprise"}) != []


@pytest.mark.parametrize("object_name", sorted(stripe_objects.CLASSES))
def test_each_field_that_may_not_be_null_is_found_when_null(object_name: str) -> None:
    for name, field in required_fields(object_name).items():
        if not field["nullable"] and name != "object":
            assert f"$.{name}: null is not allowed" in check(an(object_name) | {name: None})


def test_wrong_enum_in_a_status_names_its_path() -> None:
    (problem,) = check(an("payment_intent") | {"status": "paid"})
    assert problem.startswith("$.status: 'paid' is not one of ['canceled', 'processing'")


def test_field_that_is_null_in_real_answers_is_demanded() -> None:
    planted = an("payment_intent")
    del planted["canceled_at"]
    assert check(planted) == ["$.canceled_at: missing field"]


def test_field_that_stripe_leaves_out_may_not_be_null() -> None:
    assert check(an("payment_intent") | {"amount_details": None}) == [
        "$.amount_details: null is not allowed"
    ]


@pytest.mark.parametrize("amount", ["100", 100.0, True, [100]])
def test_amount_of_another_json_type_is_found(amount: object) -> None:
    (problem,) = check(an("payment_intent") | {"amount": amount})
    assert problem.startswith("$.amount: int is expected")


def test_unknown_field_is_found_but_for_our_own_key() -> None:
    assert check(an("refund") | {"hazina": {"next_check_at": 1}}) == []
    assert check(an("refund") | {"next_check_at": 1}) == ["$.next_check_at: unknown field"]


def test_metadata_holds_strings_only() -> None:
    assert check(an("charge") | {"metadata": {"order": "7"}}) == []
    assert check(an("charge") | {"metadata": {"order": 7}}) == [
        "$.metadata.order: str is expected, not int"
    ]


def test_expanded_object_is_checked_inside() -> None:
    charge = a_charge_with_card()
    intent = an("payment_intent") | {"latest_charge": charge, "customer": an("customer")}
    assert check(intent) == []
    del charge["payment_method_details"]["card"]["checks"]
    assert check(intent) == ["$.latest_charge.payment_method_details.card.checks: missing field"]


def test_expanded_object_of_another_kind_is_found() -> None:
    assert check(an("payment_intent") | {"latest_charge": an("refund")}) == [
        "$.latest_charge.object: 'refund' where 'charge' belongs"
    ]


def test_unexpanded_reference_is_an_id() -> None:
    assert check(an("payment_intent") | {"latest_charge": "ch_1"}) == []
    assert check(an("payment_intent") | {"latest_charge": 7}) == [
        "$.latest_charge: int is not expected here"
    ]


def test_part_that_type_names_is_demanded() -> None:
    method = an("payment_method")
    del method["card"]
    assert check(method) == ["$.card: missing though type is card"]


def test_object_inside_an_event_is_checked() -> None:
    event = an("event")
    assert check(event) == []
    event["data"]["object"]["capture_method"] = "later"
    (problem,) = check(event)
    assert problem.startswith("$.data.object.capture_method: 'later' is not one of")


def test_unknown_event_type_is_found() -> None:
    (problem,) = check(an("event") | {"type": "payment_intent.paid"})
    assert problem.startswith("$.type: 'payment_intent.paid' is not one of")


def test_each_item_of_a_list_is_checked() -> None:
    assert check(a_list(an("charge"), an("refund"))) == []
    assert check(a_list(an("charge") | {"status": "done"})) == [
        "$.data[0].status: 'done' is not one of ['failed', 'pending', 'succeeded']"
    ]


def test_list_without_has_more_is_found() -> None:
    answer = a_list()
    del answer["has_more"]
    assert check(answer) == ["$.has_more: missing field"]


def test_id_with_another_prefix_is_found() -> None:
    assert check(an("charge") | {"id": "py_1"}) == ["$.id: 'py_1' does not start with ch_"]


def test_deleted_object_is_three_fields() -> None:
    gone = {"id": "cus_1", "object": "customer", "deleted": True}
    assert check(gone) == []
    assert check(gone | {"email": None}) == ["$.email: unknown field on a deleted object"]
    assert check(gone | {"deleted": False}) == [
        "$.deleted: only true is allowed, and only on a deleted object"
    ]


def test_error_envelope_is_checked() -> None:
    error = {"type": "card_error", "code": "card_declined", "message": "Your card was declined."}
    assert check({"error": error}) == []
    assert check({"error": error | {"payment_intent": an("payment_intent")}}) == []
    assert check({"error": error | {"param": None}}) == ["$.error.param: null is not allowed"]
    assert check({"error": error | {"reason": "x"}}) == ["$.error.reason: unknown field"]
    assert check({"error": {"type": "card_error"}}) == ["$.error.message: missing field"]
    (problem,) = check({"error": error | {"type": "validation_error"}})
    assert problem.startswith("$.error.type: 'validation_error' is not one of")


def test_decline_inside_an_intent_is_checked() -> None:
    error = {"type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds"}
    intent = an("payment_intent") | {"last_payment_error": error}
    assert check(intent) == []
    (problem,) = check(intent | {"last_payment_error": error | {"code": "no_money"}})
    assert problem.startswith("$.last_payment_error.code: 'no_money' is not one of")


@pytest.mark.parametrize("answer", [None, [], "text", {}, {"object": "surprise"}])
def test_what_is_no_known_object_is_a_problem(answer: object) -> None:
    assert len(check(answer)) == 1


def test_checking_leaves_the_answer_as_it_was() -> None:
    answer = a_list(a_charge_with_card())
    before = copy.deepcopy(answer)
    check(answer)
    assert answer == before


def test_presence_is_read_from_declarations() -> None:
    text = (
        "export interface Thing {\n  id: string;\n  /** may be\n null */\n  name: string | null;\n"
        "  part?: Thing.Part;\n  note?: 'a' |\n    'b' | null;\n}\n"
        "export declare namespace Thing {\n  interface Part {\n    size: number | null;\n  }\n"
        "  type Kind = 'a' | null;\n}\n"
    )
    assert stripe_presence.interfaces(text) == {
        "Thing": {"id": "required", "name": "nullable", "part": "absent", "note": "either"},
        "Thing.Part": {"size": "nullable"},
    }


def test_kept_presence_is_what_the_installed_declarations_say() -> None:
    if not stripe_presence.DECLARATIONS.is_dir():
        pytest.skip("the npm package is absent: run npm ci in tests/clients/node")
    assert stripe_schema._presence_data() == stripe_presence.extract()
