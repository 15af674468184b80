"""Turns a summary and its figures into text and pages: terminal, Markdown, HTML, JUnit, CSV and charts.

Writers take a folder and return the paths they wrote; a failed write raises.
"""
