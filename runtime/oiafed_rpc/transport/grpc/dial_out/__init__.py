"""Calls to nodes that only dial out: over streams that they have opened, one call at a time on each.

The node that dials keeps some streams open that carry no call (`keeper`), and answers what comes over them
(`answering`). The node that was dialed takes one for each call that it makes (`lines`, `channel`).
"""
