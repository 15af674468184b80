"""Microsoft.ApiManagement: the service, and what stands inside it, a file per resource type."""
