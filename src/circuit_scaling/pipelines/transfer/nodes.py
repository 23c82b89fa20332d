"""Nodes of the transfer: compare the models pair by pair, exports, figures."""

from __future__ import annotations

import pandas as pd

from circuit_scaling.analysis.made_from import stamp, stamp_like
from circuit_scaling.analysis.transfer.exports import transfer_for_people
from circuit_scaling.analysis.transfer.settings import TransferSettings
from circuit_scaling.analysis.transfer.transfer import transfer
from circuit_scaling.datasets.figures import Drawn
from circuit_scaling.figures.transfer.divergence import divergence_shares, ioi_divergence
from circuit_scaling.figures.transfer.summary import ioi_transfer_summary, of_ioi


def compare_models(
    classified_heads: pd.DataFrame, joint_effects: pd.DataFrame, settings: TransferSettings
) -> dict[str, pd.DataFrame]:
    """Transfer by index, depth and function, and what became of the IOI-like heads."""
    return stamp(transfer(classified_heads, joint_effects, settings), classified_heads)


def export(
    transfer_heads: pd.DataFrame, transfer_summary: pd.DataFrame, head_divergence: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """The CSV tables for people."""
    return transfer_for_people(transfer_heads, transfer_summary, head_divergence)


def draw(transfer_summary: pd.DataFrame, head_divergence: pd.DataFrame) -> Drawn:
    """Every pair against chance, and the fates of the IOI-like heads."""
    drawn: Drawn = {
        "ioi_transfer_summary": (ioi_transfer_summary(transfer_summary), of_ioi(transfer_summary)),
        "ioi_divergence": (ioi_divergence(head_divergence), divergence_shares(head_divergence)),
    }
    return stamp_like(drawn, transfer_summary)
