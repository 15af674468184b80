"""`python -m provision.local.gateways`: owns one gateway program, as a child of `tripcurve local`."""

from __future__ import annotations

import asyncio
import sys

from provision.local.gateways.process import run_child

if __name__ == "__main__":
    sys.exit(asyncio.run(run_child()))
