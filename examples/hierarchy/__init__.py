"""A federation of three layers: a trainer, aggregators below it, and their learners, which only dial out."""
