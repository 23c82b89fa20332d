"""Made-up tables of the shape and size that the pipelines write, for figures and the report."""

from tests.helpers.synthetic_tables.ablation import ablation_summary
from tests.helpers.synthetic_tables.classify import (
    category_sensitivity,
    classified_heads,
    head_category_summary,
    hero_heads,
    known_heads,
    name_order,
    prompts_needed,
)
from tests.helpers.synthetic_tables.compared import transfer
from tests.helpers.synthetic_tables.join import (
    ablation_agreement,
    attribution_agreement,
    import_findings,
)
from tests.helpers.synthetic_tables.models import (
    ABLATIONS,
    MODELS,
    TASKS,
    TAU,
    Model,
    models_of,
    roster,
)
from tests.helpers.synthetic_tables.page import MAKERS, stored
from tests.helpers.synthetic_tables.scaling import (
    control_models,
    corr_vs_scale,
    layer_profile,
    scale_trend,
    strong_head_scaling,
)
from tests.helpers.synthetic_tables.scan import bos_effects, competence, joint_prompts, run_log
from tests.helpers.synthetic_tables.zoo import zoo_accuracy, zoo_curves

__all__ = [
    "TAU",
    "TASKS",
    "ABLATIONS",
    "Model",
    "MODELS",
    "models_of",
    "roster",
    "competence",
    "joint_prompts",
    "bos_effects",
    "run_log",
    "ablation_agreement",
    "attribution_agreement",
    "import_findings",
    "classified_heads",
    "head_category_summary",
    "prompts_needed",
    "name_order",
    "category_sensitivity",
    "hero_heads",
    "known_heads",
    "corr_vs_scale",
    "strong_head_scaling",
    "scale_trend",
    "layer_profile",
    "control_models",
    "transfer",
    "ablation_summary",
    "zoo_curves",
    "zoo_accuracy",
    "MAKERS",
    "stored",
]
