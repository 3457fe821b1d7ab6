"""Exit codes of commands and jobs: errors raised on purpose become one line and a number."""

import sys
from collections.abc import Callable

from heaters.cli.output import harmless
from heaters.core.address import redact
from heaters.errors import ConfigError, HeatersError, UsageError

FAILED, WRONG, INTERRUPTED = 1, 2, 130


def answer(run: Callable[[], object]) -> None:
    """Run a command; 2 for wrong usage and settings, 1 for everything else that went wrong."""
    try:
        run()
    except (ConfigError, UsageError) as error:
        _complain(error)
        sys.exit(WRONG)
    except HeatersError as error:
        _complain(error)
        sys.exit(FAILED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _complain(error: HeatersError) -> None:
    sys.stderr.write(f"heaters: {harmless(redact(str(error)))}\n")
