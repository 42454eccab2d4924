"""Large payloads beside raw sockets, two-copy shared memory, bare grpc.aio and OiaFed.

`python -m benchmarks.bulk --help` lists the parts; `docs/benchmarks.md` tells what is measured and how.
"""
