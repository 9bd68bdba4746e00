"""Colors."""

COLORS = ("red", "blue", "green", "yellow", "black", "white", "brown", "pink", "purple", "gray", "gold", "silver")
