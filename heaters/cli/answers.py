"""Exit codes of commands and jobs: errors raised on purpose become one line and a number."""

import sys
from collections.abc import Callable

import psycopg

from heaters.cli.output import harmless
from heaters.core.address import redact
from heaters.errors import ConfigError, HeatersError, StoreError, UsageError

FAILED, WRONG, AWAY, INTERRUPTED = 1, 2, 3, 130


def answer(run: Callable[[], object]) -> None:
    """Run a command; 2 for wrong usage and settings, 3 where the database or the store failed, 1 for everything else
    that went wrong.
    """
    try:
        run()
    except (ConfigError, UsageError) as error:
        _complain(error)
        sys.exit(WRONG)
    except StoreError as error:
        _complain(error)
        sys.exit(AWAY)
    except HeatersError as error:
        _complain(error)
        sys.exit(FAILED)
    except psycopg.Error as error:
        _complain(HeatersError(f"the database refused: {' '.join(str(error).split())} ({type(error).__name__})"))
        sys.exit(AWAY)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _complain(error: HeatersError) -> None:
    sys.stderr.write(f"heaters: {harmless(redact(str(error)))}\n")
