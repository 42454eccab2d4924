"""What carries calls between nodes."""
