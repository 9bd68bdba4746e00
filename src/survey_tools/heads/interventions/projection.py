"""Directional subtraction: take out of z what lies along a direction, and leave the rest as it is.

The twin of `Add`: adding asks whether a direction is enough, projecting it out whether it is needed. A file of its
own, so that runs that do not use it stay fresh.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from survey_tools.errors import DetectionError
from survey_tools.heads.capture import Head, name_of
from survey_tools.heads.interventions.edits import Edit


@dataclass(frozen=True, eq=False)
class Project(Edit):
    """z - (z . u) u with u the direction at unit length; `center` (a mean of z, 0 by default) stays where it is:
    z - ((z - center) . u) u, so that what is constant over prompts is kept.

    Both lie in z space (d_head wide, before W_O). Source: tigges-2023-sentiment ablates a sentiment direction so.
    Example: `with intercept(network, edit_tap(network, Project(direction, heads=[(5, 1)]))): network(tokens)`.
    """

    direction: Float[Tensor, " d_head"]
    center: Float[Tensor, " d_head"] | None = None

    def replacement(self, z: Tensor, head: Head) -> Tensor:
        """z without its part along the direction.

        Raises DetectionError when the direction or the center has another width than z, or the direction is zero.
        """
        for name, vector in (("direction", self.direction), ("center", self.center)):
            if vector is not None and vector.shape != z.shape[-1:]:
                raise DetectionError(
                    f"the {name} projected out of {name_of(head)} has shape {list(vector.shape)}; z of that head is "
                    f"{z.shape[-1]} wide. Give it in z space (before W_O)."
                )
        length = self.direction.norm()
        if not float(length) > 0:
            raise DetectionError(f"the direction projected out of {name_of(head)} is zero; give one with a length.")
        unit = (self.direction / length).to(z)
        off_center = z if self.center is None else z - self.center.to(z)
        along: Tensor = (off_center @ unit)[..., None] * unit
        return z - along
