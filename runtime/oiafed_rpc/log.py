"""The project's logger. Libraries log; applications decide what is shown."""

import logging

logger = logging.getLogger("oiafed_rpc")
