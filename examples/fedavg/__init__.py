"""Federated averaging on handwritten digits: one trainer, four learners, in one process or in five."""
