"""A Ray of its own with a dashboard and its agent, where jobs can be submitted.

    python tests/support/job_cluster.py FILE

writes the dashboard's address to FILE once it answers, and ends when its standard input does.
"""

import json
import sys
from pathlib import Path


def main(file: Path) -> None:
    """Start Ray, tell where it is, wait for the end of standard input."""
    from ray.cluster_utils import Cluster

    # Every port is free to choose: there may be another Ray on this machine, and the agent's is fixed otherwise.
    cluster = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 2,
            "include_dashboard": True,
            "dashboard_host": "127.0.0.1",
            "dashboard_port": 0,
            "dashboard_agent_listen_port": 0,
        },
    )
    facts = {"dashboard": f"http://{cluster.webui_url}", "address": cluster.address}
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(facts))
    partial.replace(file)
    sys.stdin.read()
    cluster.shutdown()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
