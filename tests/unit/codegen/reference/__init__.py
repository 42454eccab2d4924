"""The HTML reference: its texts, its pages and its diagram."""
