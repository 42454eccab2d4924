"""Nodes whose schemas differ: how they find out, what they may say to each other all the same, and what they refuse."""
