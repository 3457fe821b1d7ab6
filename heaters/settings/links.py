"""Variables that look like ours: mistakes, and the service links that Kubernetes sets by itself."""

import re
from collections.abc import Container, Mapping

# Read by the tests' own set-up, not by the product.
_OTHERS = frozenset({"HEATERS_REQUIRE", "HEATERS_TEST_DATABASE_URL"})

# What Kubernetes sets in every pod for a service whose name begins with "heaters-".
_SERVICE_LINK = re.compile(
    r"HEATERS_\w*?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)"
)
_LINK_OF_PORT = re.compile(r"(tcp|udp|sctp)://")
_SERVICE_VALUE = re.compile(r"[0-9a-fA-F.:]+|(tcp|udp|sctp)(://.*)?")


def is_service_link(name: str, value: str) -> bool:
    """Whether a variable is such a link, by its name and its value."""
    return bool(_SERVICE_LINK.fullmatch(name) and _SERVICE_VALUE.fullmatch(value))


def is_address_of_service(name: str, value: str) -> bool:
    """Whether a variable with the name of a setting of ours (HEATERS_SERVE_PORT) is the link of a service instead."""
    return name.endswith("_PORT") and _LINK_OF_PORT.match(value) is not None


def unknown_variables(environment: Mapping[str, str], known: Container[str]) -> list[str]:
    """The variables that begin as ours do and are none."""
    ours = sorted(name for name in environment if name.startswith("HEATERS_") and name not in known)
    return [name for name in ours if name not in _OTHERS and not is_service_link(name, environment[name])]
