"""One function per figure, tables in, ``matplotlib.figure.Figure`` out, all in one style."""

from circuit_scaling.figures.agreement import ablation_agreement
from circuit_scaling.figures.attribution import attribution_agreement
from circuit_scaling.figures.category_shares import category_counts
from circuit_scaling.figures.clean_metric import competence
from circuit_scaling.figures.corr_scale import corr_vs_scale_cross_family
from circuit_scaling.figures.divergence import ioi_divergence
from circuit_scaling.figures.hero_ablation import hero_vs_random, hero_vs_random_ablation
from circuit_scaling.figures.layers import layer_hist
from circuit_scaling.figures.phase_space import all_heads_phase_space, delta_scatter, family_grid
from circuit_scaling.figures.strong_heads import strong_head_scaling
from circuit_scaling.figures.style import to_png, to_svg
from circuit_scaling.figures.training import zoo_training
from circuit_scaling.figures.transfer import ioi_transfer_summary

__all__ = [
    "ablation_agreement",
    "all_heads_phase_space",
    "attribution_agreement",
    "category_counts",
    "competence",
    "corr_vs_scale_cross_family",
    "delta_scatter",
    "family_grid",
    "hero_vs_random",
    "hero_vs_random_ablation",
    "ioi_divergence",
    "ioi_transfer_summary",
    "layer_hist",
    "strong_head_scaling",
    "to_png",
    "to_svg",
    "zoo_training",
]
