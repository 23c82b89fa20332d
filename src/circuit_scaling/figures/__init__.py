"""One function per figure, tables in, ``matplotlib.figure.Figure`` out, all in one style."""

from circuit_scaling.figures.agreement import ablation_agreement
from circuit_scaling.figures.attribution import attribution_agreement
from circuit_scaling.figures.category_shares import category_counts
from circuit_scaling.figures.clean_metric import competence
from circuit_scaling.figures.divergence import ioi_divergence
from circuit_scaling.figures.phase_space import all_heads_phase_space, family_grid
from circuit_scaling.figures.style import to_png, to_svg
from circuit_scaling.figures.training import zoo_training
from circuit_scaling.figures.transfer import ioi_transfer_summary

__all__ = [
    "ablation_agreement",
    "all_heads_phase_space",
    "attribution_agreement",
    "category_counts",
    "competence",
    "family_grid",
    "ioi_divergence",
    "ioi_transfer_summary",
    "to_png",
    "to_svg",
    "zoo_training",
]
