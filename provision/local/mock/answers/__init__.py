"""Successful answers of each operation, built as bytes, field by field in Azure's order."""
