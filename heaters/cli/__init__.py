"""The `heaters` command: reads settings, builds adapters, starts something, prints. One file a group of verbs."""

from heaters.threads import be_frugal

be_frugal()  # on import, as what follows loads numpy; a local Ray's processes inherit it
