"""Export a run to other machines: Kubernetes manifests or an Azure Load Testing configuration, made from a lab."""
