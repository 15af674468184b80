"""Runs elsewhere than here: Kubernetes manifests and an Azure Load Testing configuration, made from a lab."""
