"""`tripcurve export`: writes files that run a scenario on other machines or from a user's own locustfile."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from locustfiles.deploy.azure_load_testing import WHEEL, load_test
from locustfiles.deploy.grafana import PORT, grafana
from locustfiles.deploy.job import Files, Job, make_job
from locustfiles.deploy.kubernetes import manifests
from locustfiles.deploy.own_locustfile import own_locustfile
from tripcurve.errors import BadInput

__all__ = ["KINDS", "export_command"]

KINDS: dict[str, Callable[[Job], Files]] = {
    "kubernetes": manifests,
    "azure-load-testing": load_test,
    "locust": own_locustfile,
    "grafana": grafana,
}


def export_command(
    lab: str,
    kind: str,
    out: Path,
    *,
    scenario: str = "trip-and-recover",
    target: str | None = None,
    key: str = "tripcurve-key",
    workers: int = 1,
    image: str = "tripcurve:latest",
) -> int:
    """Write the files for a kind of service into a new or empty folder. Returns the exit code.

    `key` says where the gateway's key is kept: the name of a Kubernetes secret, or the identifier of a Key Vault
    secret. The key itself is not needed. Raises BadInput before anything is written.
    """
    if kind not in KINDS:
        raise BadInput(f"--kind {kind!r}: give one of {', '.join(KINDS)}")
    job = make_job(lab, scenario, target=target, key=key, workers=workers, image=image)
    files = KINDS[kind](job)
    _write(out, files)
    print(f"tripcurve: wrote {', '.join(sorted(files))} to {out}", file=sys.stderr)
    if kind == "locust":
        print(
            f"Next: locust -f {out / 'locustfile.py'} --headless --target local; see docs/writing-users.md",
            file=sys.stderr,
        )
    elif kind == "kubernetes":
        apply = f"kubectl apply --server-side -k {out}"
        print(f"Next: a secret named {key} with the gateway's key as api-key; {apply}", file=sys.stderr)
    elif kind == "grafana":
        run = f"tripcurve run {lab} --prometheus {PORT}"
        print(
            f"Next: import dashboard.json into Grafana, and start `{run}`; see docs/observability.md", file=sys.stderr
        )
    else:
        print(f"Next: put {WHEEL} there (pip wheel --no-deps -w {out} .); see docs/deploy.md", file=sys.stderr)
    return 0


def _write(out: Path, files: Files) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()):
            raise BadInput(f"-o {out} is not empty; an export needs a folder of its own")
        for name, content in files.items():
            (out / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    except OSError as error:
        raise BadInput(f"-o {out} cannot be used: {error.strerror}") from None
