"""Typed values to proto3 bytes and back: records, parameters, single values."""
