"""The classes of objects that matter here, and the groups they fall into."""

MOTION = "motion"

GROUPS: dict[str, str] = {
    "person": "person",
    "bicycle": "vehicle",
    "car": "vehicle",
    "motorcycle": "vehicle",
    "bus": "vehicle",
    "truck": "vehicle",
    "dog": "pet",
    "cat": "pet",
    "bird": "bird",
    MOTION: MOTION,
}

# A detector calls one vehicle by several of these names; a bicycle in front of a car stays one.
INTERCHANGEABLE = frozenset({"car", "truck", "bus"})
