"""Kubernetes manifests: a master and its workers as jobs, the key by reference to a secret.

The run directory is on the master's volume; workers send their rows to the master at the end.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any, TypeAlias

import yaml

from locustfiles.deploy.job import Job
from tripcurve.errors import BadInput

__all__ = ["manifests"]

PORT = 5557
SETTINGS = "/etc/tripcurve"
RUNS = "/runs"
USER = 10001
KEY = "api-key"
WAIT_S = 300
"""How long the master waits for its workers, which may have to pull the image first."""
MOST_BYTES = 1024 * 1024
"""The most that a ConfigMap holds."""

Document: TypeAlias = dict[str, Any]


def manifests(job: Job) -> dict[str, str]:
    """Return the files by name, for `kubectl apply -k` on their folder. Raises BadInput if a trace is too large."""
    documents = {
        "settings.yaml": _settings(job),
        "network.yaml": _network(job),
        "volume.yaml": _volume(job),
        "service.yaml": _service(job),
        "master.yaml": _master(job),
        "workers.yaml": _workers(job),
    }
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": list(documents),
    }
    files = {name: _yaml(document) for name, document in documents.items()}
    return files | {"kustomization.yaml": _yaml(kustomization)}


def _yaml(document: Document) -> str:
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)


def _labels(job: Job, part: str | None = None) -> dict[str, str]:
    labels = {"app.kubernetes.io/name": "tripcurve", "app.kubernetes.io/instance": job.name}
    return labels if part is None else labels | {"app.kubernetes.io/component": part}


def _meta(job: Job, suffix: str = "", part: str | None = None) -> Document:
    return {"name": f"{job.name}{suffix}", "labels": _labels(job, part)}


def _settings(job: Job) -> Document:
    size = sum(len(content if isinstance(content, bytes) else content.encode()) for content in job.files.values())
    if size > MOST_BYTES:
        raise BadInput(
            f"scenario {job.scenario.name}: lab, scenario and trace have {size:,} bytes, and a ConfigMap holds at most "
            f"{MOST_BYTES:,}: replay a shorter part of the trace, by shorter phases, or export another --kind"
        )
    texts = {name: content for name, content in job.files.items() if isinstance(content, str)}
    binary = {name: b64encode(each).decode() for name, each in job.files.items() if isinstance(each, bytes)}
    data: Document = {"data": texts} | ({"binaryData": binary} if binary else {})
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _meta(job), "immutable": True, **data}


def _network(job: Job) -> Document:
    """Allow one connection into these pods: from the workers to the master."""
    workers = {"podSelector": {"matchLabels": _labels(job, "worker")}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": _meta(job),
        "spec": {
            "podSelector": {"matchLabels": _labels(job)},
            "policyTypes": ["Ingress"],
            "ingress": [{"from": [workers], "ports": [{"protocol": "TCP", "port": PORT}]}],
        },
    }


def _volume(job: Job) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": _meta(job),
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "5Gi"}}},
    }


def _service(job: Job) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _meta(job),
        "spec": {
            "selector": _labels(job, "master"),
            "ports": [{"name": "locust", "port": PORT, "targetPort": "locust", "protocol": "TCP"}],
        },
    }


def _master(job: Job) -> Document:
    arguments = ["--headless", "--master", "--master-bind-host", "*", "--master-bind-port", str(PORT)]
    arguments += ["--expect-workers", str(job.workers), "--expect-workers-max-wait", str(WAIT_S)]
    arguments += ["--lab", f"{SETTINGS}/lab.yaml", "--scenario", f"{SETTINGS}/scenario.yaml"]
    arguments += ["--target", job.url, "--run-dir", f"{RUNS}/$(RUN)"]
    container = _container(job, arguments) | {
        "env": [
            {"name": "RUN", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "TRIPCURVE_API_KEY", "valueFrom": {"secretKeyRef": {"name": job.key, "key": KEY}}},
        ],
        "ports": [{"name": "locust", "containerPort": PORT, "protocol": "TCP"}],
        "readinessProbe": {"tcpSocket": {"port": "locust"}, "periodSeconds": 2},  # no process: it would delay requests
    }
    container["volumeMounts"] += [
        {"name": "settings", "mountPath": SETTINGS, "readOnly": True},
        {"name": "runs", "mountPath": RUNS},
    ]
    volumes = [
        {"name": "settings", "configMap": {"name": job.name}},
        {"name": "runs", "persistentVolumeClaim": {"claimName": job.name}},
    ]
    # backoffLimit 0: somebody should look at a failed load test before it runs again.
    return _job(job, "master", container, volumes, {"backoffLimit": 0}, "Never")


def _workers(job: Job) -> Document:
    """The workers need neither lab nor key: the master sends both."""
    container = _container(job, ["--worker", "--master-host", job.name, "--master-port", str(PORT)])
    count = {"parallelism": job.workers, "completions": job.workers, "backoffLimit": job.workers}
    return _job(job, "worker", container, [], count, "Never")


def _container(job: Job, arguments: list[str]) -> Document:
    return {
        "name": "locust",
        "image": job.image,
        "args": arguments,
        # No CPU limit: throttling would hold back requests that are due, and the run would measure that.
        "resources": {"requests": {"cpu": "1", "memory": "512Mi"}, "limits": {"memory": "2Gi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "scratch", "mountPath": "/tmp"}],  # noqa: S108  # a path in the container
    }


def _job(job: Job, part: str, container: Document, volumes: list[Document], how: Document, restart: str) -> Document:
    pod = {
        "restartPolicy": restart,
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 60,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [{"name": "scratch", "emptyDir": {}}, *volumes],
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": _meta(job, f"-{part}", part),
        "spec": how | {"template": {"metadata": {"labels": _labels(job, part)}, "spec": pod}},
    }
