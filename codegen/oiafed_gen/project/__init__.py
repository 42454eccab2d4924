"""`oiafed-gen init`: a new project that runs."""
