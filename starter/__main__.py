"""`python -m starter` is `ml-connector`."""

from starter.main import main

main()
