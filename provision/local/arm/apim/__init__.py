"""Microsoft.ApiManagement: the service and its child resources, a file for each resource type."""
