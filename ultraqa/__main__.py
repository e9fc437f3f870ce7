"""``python -m ultraqa``: the command, where its script is not on the path."""

from ultraqa.cli import main

main()
