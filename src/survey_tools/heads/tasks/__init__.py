"""Prompt makers, one behaviour a file: prompts with known answers, and how well a model does on them."""
