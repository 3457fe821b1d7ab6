"""The `heaters` command: reads settings, builds adapters, starts something, prints. One file a group of verbs."""
