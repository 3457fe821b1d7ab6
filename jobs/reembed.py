"""ray job submit --submission-id heaters-reembed -- python -m jobs.reembed --model openclip:NAME/PRETRAINED

The vectors that are missing of a model, and nothing else; those of other models stay, and searches go on in them until
`heaters models use`.
"""

from heaters.cli.models import embed_command
from jobs.entry import job

if __name__ == "__main__":
    job(embed_command)
