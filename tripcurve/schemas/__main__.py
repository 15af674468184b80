"""`python -m tripcurve.schemas`: update the published schemas from the models."""

from __future__ import annotations

import sys

from tripcurve.schemas import write_schemas

for path in write_schemas():
    sys.stdout.write(f"{path}\n")
