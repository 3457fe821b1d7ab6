"""`heaters serve`: the HTTP endpoint on this machine."""

from heaters.cli.output import Output
from heaters.cli.session import opened


def serve_command() -> None:
    """Serve embeddings and search over HTTP until interrupted (production: `serve deploy deployments/serve.yaml`)."""
    output = Output(as_json=False)
    with opened() as (settings, _):
        from deployments.local import serve_here  # imports Ray, which no other command should wait for

        serve_here(settings, output.say)
