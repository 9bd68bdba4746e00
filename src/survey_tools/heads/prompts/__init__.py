"""Tasks as data: texts with roles, items with known answers and held-out splits, and how any tokenizer reads them."""
