"""One function per figure, tables in, ``matplotlib.figure.Figure`` out, all in one style."""

from circuit_scaling.figures.ablation.heroes_vs_random import (
    ablation_overview,
    hero_vs_random_ablation,
)
from circuit_scaling.figures.classify.category_shares import category_counts
from circuit_scaling.figures.classify.name_order import name_order
from circuit_scaling.figures.classify.overview import phase_space_overview
from circuit_scaling.figures.classify.phase_space import (
    all_heads_phase_space,
    delta_scatter,
    family_grid,
)
from circuit_scaling.figures.join.agreement import ablation_agreement
from circuit_scaling.figures.join.attribution import attribution_agreement
from circuit_scaling.figures.join.bos import bos_effects
from circuit_scaling.figures.join.competence import competence
from circuit_scaling.figures.retrieval.comparison.draw import draw_comparison
from circuit_scaling.figures.retrieval.masking import masking, masking_overview
from circuit_scaling.figures.retrieval.rankings import score_map
from circuit_scaling.figures.scaling.correlations import corr_vs_scale_cross_family
from circuit_scaling.figures.scaling.layers import layer_hist, layer_hist_taus
from circuit_scaling.figures.scaling.scatter_taus import delta_scatter_taus
from circuit_scaling.figures.scaling.strong_heads import strong_head_scaling
from circuit_scaling.figures.style import to_png, to_svg
from circuit_scaling.figures.transfer.divergence import ioi_divergence
from circuit_scaling.figures.transfer.summary import ioi_transfer_summary
from circuit_scaling.figures.zoo.training import zoo_training

__all__ = [
    "ablation_agreement",
    "all_heads_phase_space",
    "attribution_agreement",
    "bos_effects",
    "category_counts",
    "competence",
    "corr_vs_scale_cross_family",
    "delta_scatter",
    "delta_scatter_taus",
    "draw_comparison",
    "family_grid",
    "ablation_overview",
    "hero_vs_random_ablation",
    "ioi_divergence",
    "ioi_transfer_summary",
    "layer_hist",
    "layer_hist_taus",
    "masking",
    "masking_overview",
    "name_order",
    "phase_space_overview",
    "score_map",
    "strong_head_scaling",
    "to_png",
    "to_svg",
    "zoo_training",
]
