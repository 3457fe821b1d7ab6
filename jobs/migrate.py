"""ray job submit --submission-id heaters-migrate -- python -m jobs.migrate

Brings the database to the schema of this version; forward only, each step in one transaction.
"""

from heaters.cli.database import migrate_command
from jobs.entry import job

if __name__ == "__main__":
    job(migrate_command)
