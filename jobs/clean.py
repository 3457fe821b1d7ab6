"""ray job submit --submission-id heaters-clean -- python -m jobs.clean

Deletes the objects of archived clips, verified, and what uploads that never ended left behind.
"""

from heaters.cli.admin import archive_command
from jobs.entry import job

if __name__ == "__main__":
    job(archive_command)
