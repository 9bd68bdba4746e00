"""A training of a second: the recipe that the tests of this folder use."""

CONTENT = {
    "network": {
        "layers": 2, "heads": 2, "d_head": 8, "d_model": 16, "d_mlp": 16, "context": 64, "rope_theta": 10000.0,
        "initial_spread": 0.02,
    },
    "training": {
        "steps": 12, "rows": 2, "learning_rate": 0.01, "final_learning_rate": 0.001, "warmup": 2, "weight_decay": 0.1,
        "gradient_norm": 1.0, "untold_weight": 0.5, "checkpoints": 5, "save_every": 4,
    },
    "mixture": {"repeated-tokens": 2.0, "indirect-object": 1, "succession": 1},
}  # fmt: skip
STEPS = (0, 1, 2, 5, 12)
"""Of its checkpoints."""
