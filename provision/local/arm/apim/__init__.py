"""Microsoft.ApiManagement: the service and its child resources, with one module for each resource type."""
