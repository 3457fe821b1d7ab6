"""ray job submit --submission-id heaters-recut -- python -m jobs.recut --threshold 0.4

Cuts laid anew from the evidence that detection stored, milliseconds a video, around everything a person decided. Done
again it changes nothing, so after a stop it goes on by itself.
"""

from heaters.cli.cut import cut_command
from jobs.entry import job

if __name__ == "__main__":
    job(cut_command)
