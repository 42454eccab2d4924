"""What it costs, side by side with the alternative in one run."""
