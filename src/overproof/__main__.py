"""`python -m overproof` is the `overproof` command."""

from overproof.cli import main

if __name__ == "__main__":
    main()
