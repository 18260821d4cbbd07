"""The command line: `python -m harness`, or `harness`."""

from harness.cli.main import main

if __name__ == "__main__":
    main()
