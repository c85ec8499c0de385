"""Set resource arguments from arguments.json, in a test's copy of the program."""

import json
from pathlib import Path
from typing import Any

import pulumi

EDITS = json.loads(Path("arguments.json").read_text())


def _set(value: Any, path: list[str | int], new: Any) -> Any:  # noqa: ANN401  any argument
    if not path:
        return new
    first, rest = path[0], path[1:]
    if first == "+":
        return [*(value or []), new]
    if isinstance(first, int):
        items = list(value)
        items[first] = _set(items[first], rest, new)
        return items
    return {**(value or {}), first: _set((value or {}).get(first), rest, new)}


def _edit(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
    props = dict(args.props)
    for kind, name, path, new in EDITS:
        if (args.type_.rpartition(":")[2], args.name) == (kind, name):
            props = _set(props, path, new)
    return pulumi.ResourceTransformResult(props=props, opts=args.opts)


pulumi.runtime.register_resource_transform(_edit)
