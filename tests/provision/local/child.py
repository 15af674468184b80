"""A child process that serves nothing: it acknowledges snapshots and writes down what it was told.

Run as `python child.py RECORD [FAULT]`. RECORD gets each snapshot as a line. FAULT `die` ends it at the second
snapshot, `stillborn` at the first.
"""

from __future__ import annotations

import json
import sys


def main() -> None:
    record, fault = sys.argv[1], (sys.argv[2] if len(sys.argv) > 2 else "")
    snapshots = 0
    for line in sys.stdin:
        document = json.loads(line)
        if document.get("command") == "counts":
            print(json.dumps({"counts": {"requests": 0, "by_status": {}}, "id": document["id"]}), flush=True)
            continue
        snapshots += 1
        with open(record, "a", encoding="utf-8") as file:
            file.write(line)
        if (fault, snapshots) in {("die", 2), ("stillborn", 1)}:
            sys.exit(7)
        if snapshots == 1:
            print(json.dumps({"ready": document.get("service", {}).get("port") or 9}), flush=True)


if __name__ == "__main__":
    main()
