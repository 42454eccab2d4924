"""`python -m oiafed_gen`, the same as `oiafed-gen`."""

from oiafed_gen.cli import main

if __name__ == "__main__":
    main()
