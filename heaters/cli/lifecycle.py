"""`heaters lifecycle`: what the S3 bucket does by itself."""

from typing import Annotated

import typer

from heaters.cli.output import AsJson, Output
from heaters.errors import UsageError
from heaters.settings import load
from heaters.store.objects import store_of

Apply = Annotated[bool, typer.Option("--apply", help="Set them; without it they are only shown.")]


def lifecycle_command(apply: Apply = False, as_json: AsJson = False) -> None:
    """Show the rules by which the S3 bucket ends abandoned uploads and moves large objects to HEATERS_S3_COLD.

    Rules of others stay as they are. Without --apply nothing changes.
    """
    output = Output(as_json=as_json)
    settings = load()
    if not settings.store_location.startswith("s3://"):
        raise UsageError(f"only a bucket has lifecycle rules: HEATERS_STORE is {settings.store_location}")
    from heaters.store import lifecycle
    from heaters.store.objects_s3 import S3Store

    store = store_of(settings)
    assert isinstance(store, S3Store)
    rules = lifecycle.read(store, settings.s3_cold)
    changed = apply and not rules.current
    if changed:
        lifecycle.apply(store, rules)
    if as_json:
        output.json({"rules": rules.ours, "others": len(rules.others), "current": rules.current or changed})
        return
    for rule in rules.ours:
        output.say(f"{lifecycle.line(rule)}, under s3://{store.bucket}/{store.prefix}")
    state = "set now" if changed else "set already" if rules.current else "not set; --apply sets them"
    output.say(f"summary    {len(rules.ours)} rules, {state}; {len(rules.others)} rules of others stay")
