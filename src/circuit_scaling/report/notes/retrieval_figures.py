"""Every figure of the comparison of methods for retrieval heads, with what it shows."""

from __future__ import annotations

FIGURES: dict[str, dict[str, str]] = {
    "What is left without heads": {
        "figure8_option_a_by_question": "accuracy against masked heads, a panel per question",
        "figure8_option_b_by_method": "accuracy against masked heads, a panel per method",
        "figure8_option_c_grid": "the same, a panel per question and method",
        "accuracy_drop_summary": "falls with the most masked heads, by question and method",
        "q1_equal_impact": "falls by question, for every number of masked heads",
        "q3_ablation_effectiveness": "falls of numerical and of categorical questions",
        "model_comparison": "falls by model",
        "token_length_effect": "falls by length",
    },
    "Which heads are found by both": {
        "method_overlap": "overlap of two methods, with chance and with halves of the samples",
        "method_head_overlap": "overlap of all heads that two methods ever find",
        "method_unique_heads": "heads that one method finds alone",
        "method_pair_heads": "heads of two methods, by how often each finds them",
        "q2_head_overlap_questions": "overlap of the heads of two questions",
        "q2_numerical_vs_categorical": "overlap within and between kinds of questions",
        "question_overlap_heatmaps": "overlap of two questions, by method and model",
        "token_length_overlap": "overlap of two lengths, by method and model",
        "model_overlap": "overlap of base and instruct models, by question",
        "overlap_summary": "overlap of rankings that differ in one thing",
    },
    "Where heads rank": {
        "consensus_heads": "heads that every method ranks high",
        "method_disagreement": "heads that the methods rank differently",
        "question_specialists": "heads that rank high for one question alone",
        "instruct_vs_base_differences": "changes of rank from base to instruct",
        "head_volatility": "heads whose rank moves most",
        "score_dominance": "distance of the best score to the second",
    },
    "Which heads and layers are found most often": {
        "universal_heads": "heads found most often, all methods together",
        "universal_heads_by_method": "heads found most often, by method",
        "layer_distribution_by_method": "layers of the heads that a method finds most often",
        "q4_head_patterns": "layers and heads by question",
    },
}
