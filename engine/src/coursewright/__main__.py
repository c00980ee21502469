"""`python -m coursewright` is the `coursewright` command."""

from coursewright.cli import main

if __name__ == "__main__":
    main()
