"""Reads text, Markdown, HTML, PDF, DOCX and PPTX as Markdown for Coursewright."""
