"""The site: records become plain Markdown, JSON and SVG, then mkdocs-material. Never imports torch."""
