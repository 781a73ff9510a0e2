"""The generators need packages that the tests do without, so nothing here is collected."""

collect_ignore_glob = ["*.py"]
